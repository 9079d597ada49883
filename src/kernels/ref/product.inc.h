// product.inc.h - the product of product.h as it is defined.  Compiled with REAL = float and double.

void NAME(product_ref)(const product *p)
{
    const ptrdiff_t b_row = p->packed ? p->n : p->b_row, b_col = p->packed ? 1 : p->b_col;
    for (int i = 0; i < p->m; i++)
        for (int j = 0; j < p->n; j++) {
            REAL *c = (REAL *)p->c + i * p->c_row + j;
            REAL sum = p->add ? *c : 0;
            for (int q = 0; q < p->k; q++)
                sum += ((const REAL *)p->a)[i * p->a_row + q * p->a_col] *
                       ((const REAL *)p->b)[q * b_row + j * b_col];
            *c = sum;
        }
}

// Row after row.
size_t NAME(product_pack_ref)(void *to, const product *p)
{
    for (int q = 0; to && q < p->k; q++)
        for (int j = 0; j < p->n; j++)
            ((REAL *)to)[(size_t)q * p->n + j] = ((const REAL *)p->b)[q * p->b_row + j * p->b_col];
    return (size_t)p->n * p->k;
}
