// simulate_words.h - what things are called in a simulated world.
#ifndef DATA_SIMULATE_WORDS_H
#define DATA_SIMULATE_WORDS_H
#include "data/simulate_world.h"

enum { WORDS_TITLE = 64, WORDS_COUNTRIES = 8 }; // bytes enough for a title

const char *words_category(uint32_t category); // category < WORLD_CATEGORIES
const char *words_platform(int platform);
const char *words_country(int k); // k < WORDS_COUNTRIES

// "quiet amber kettle": two properties and a thing of the category.  Returns the length.
int words_title(char out[WORDS_TITLE], uint32_t category, rng *r);

#endif
