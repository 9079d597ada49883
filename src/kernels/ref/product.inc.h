// product.inc.h - the product of product.h as it is defined.  Compiled with REAL = float and double.

void NAME(product_ref)(const product *p)
{
    for (int i = 0; i < p->m; i++)
        for (int j = 0; j < p->n; j++) {
            REAL *c = (REAL *)p->c + i * p->c_row + j;
            REAL sum = p->add ? *c : 0;
            for (int q = 0; q < p->k; q++)
                sum += ((const REAL *)p->a)[i * p->a_row + q * p->a_col] *
                       ((const REAL *)p->b)[q * p->b_row + j * p->b_col];
            *c = sum;
        }
}
