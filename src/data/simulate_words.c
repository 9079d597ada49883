// simulate_words.c - what things are called in a simulated world.
#include "data/simulate_words.h"

#include <assert.h>
#include <stdio.h>

enum { THINGS = 3 };

// clang-format off
static const struct { const char *name, *thing[THINGS]; } categories[WORLD_CATEGORIES] = {
    { "camping",     { "tent", "lantern", "hammock" } },
    { "kitchen",     { "kettle", "pan", "grater" } },
    { "garden",      { "rake", "trellis", "planter" } },
    { "crime",       { "mystery", "thriller", "casefile" } },
    { "jazz",        { "quartet", "ballad", "session" } },
    { "cycling",     { "saddle", "pannier", "helmet" } },
    { "coffee",      { "espresso", "roast", "grinder" } },
    { "knitting",    { "yarn", "needle", "pattern" } },
    { "museums",     { "gallery", "exhibition", "collection" } },
    { "running",     { "shoes", "singlet", "watch" } },
    { "comedy",      { "sketch", "farce", "satire" } },
    { "cheese",      { "brie", "cheddar", "gouda" } },
    { "photography", { "lens", "tripod", "filter" } },
    { "toys",        { "puzzle", "kite", "puppet" } },
    { "history",     { "chronicle", "atlas", "memoir" } },
    { "pets",        { "leash", "aquarium", "birdhouse" } },
    { "hiking",      { "trail", "backpack", "compass" } },
    { "bakery",      { "loaf", "croissant", "tart" } },
    { "opera",       { "aria", "overture", "duet" } },
    { "furniture",   { "armchair", "bookcase", "stool" } },
    { "fantasy",     { "quest", "legend", "saga" } },
    { "swimming",    { "goggles", "towel", "snorkel" } },
    { "tea",         { "oolong", "teapot", "infuser" } },
    { "chess",       { "board", "opening", "clock" } },
    { "painting",    { "easel", "watercolour", "brush" } },
    { "cinema",      { "drama", "western", "documentary" } },
    { "fishing",     { "rod", "lure", "reel" } },
    { "jewellery",   { "ring", "brooch", "necklace" } },
    { "yoga",        { "mat", "bolster", "retreat" } },
    { "wine",        { "riesling", "merlot", "decanter" } },
    { "electronics", { "speaker", "keyboard", "charger" } },
    { "poetry",      { "sonnet", "haiku", "anthology" } },
    { "tools",       { "hammer", "drill", "chisel" } },
    { "football",    { "scarf", "jersey", "whistle" } },
    { "noodles",     { "ramen", "udon", "soba" } },
    { "theatre",     { "tragedy", "monologue", "revue" } },
    { "sailing",     { "anchor", "rope", "regatta" } },
    { "stationery",  { "notebook", "pencil", "envelope" } },
    { "climbing",    { "harness", "carabiner", "wall" } },
    { "science",     { "telescope", "essay", "experiment" } },
    { "pizza",       { "margherita", "calzone", "focaccia" } },
    { "folk",        { "fiddle", "reel-dance", "songbook" } },
    { "skiing",      { "boots", "gloves", "slope" } },
    { "baby",        { "rattle", "blanket", "stroller" } },
    { "lighting",    { "lamp", "chandelier", "candle" } },
    { "markets",     { "bazaar", "fair", "arcade" } },
    { "fashion",     { "coat", "blouse", "sandals" } },
    { "travel",      { "suitcase", "guidebook", "map" } },
};

static const char *const properties[] = {
    "quiet",   "amber",   "northern", "folding",  "bright",  "copper",  "gentle", "hidden",
    "early",   "velvet",  "wooden",   "crimson",  "simple",  "silver",  "wild",   "patient",
    "little",  "golden",  "linen",    "electric", "old",     "cobalt",  "brave",  "winter",
    "summer",  "slow",    "honest",   "round",    "paper",   "distant", "warm",   "narrow",
    "royal",   "foggy",   "modern",   "emerald",  "portable", "lucky",  "sunny",  "plain",
    "double",  "ivory",   "rustic",   "midnight", "clever",  "coastal", "soft",   "second",
    "painted", "smoky",   "light",    "ancient",  "curious", "steel",   "sweet",  "open",
    "violet",  "silent",  "merry",    "southern", "marble",  "spare",   "deep",   "new",
};
// clang-format on

const char *words_category(uint32_t category)
{
    assert(category < WORLD_CATEGORIES);
    return categories[category].name;
}

const char *words_platform(int platform)
{
    static const char *const names[] = { "harbour", "meadow" };
    return names[platform];
}

const char *words_country(int k)
{
    static const char *const names[WORDS_COUNTRIES] = { "DE", "FR", "PL", "ES",
                                                        "NL", "IT", "SE", "CZ" };
    return names[k];
}

int words_title(char out[WORDS_TITLE], uint32_t category, rng *r)
{
    const size_t n = sizeof properties / sizeof *properties;
    const size_t a = rng_below(r, n), b = (a + 1 + rng_below(r, n - 1)) % n; // two different ones
    return snprintf(out, WORDS_TITLE, "%s %s %s", properties[a], properties[b],
                    categories[category].thing[rng_below(r, THINGS)]);
}
