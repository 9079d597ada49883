// simulate_streams.h - which random numbers the simulator takes for what.
//
// rng_at(seed, STREAM_X, k) is the stream of thing k: no draw depends on how many others were made
// before it, so that threads, windows and dirt cannot change what people do.
#ifndef DATA_SIMULATE_STREAMS_H
#define DATA_SIMULATE_STREAMS_H
#include <stddef.h>

enum simulate_stream {
    STREAM_WORLD = 1,
    STREAM_ITEM,
    STREAM_FOLLOWER,
    STREAM_USER,  // what a person is
    STREAM_WALK,  // what a person does
    STREAM_CARD,  // what users.csv says beside it
    STREAM_TITLE, // words and place of an item
    STREAM_DIRT,  // by user and time
};

// Index drawn by u in [0, 1) from probabilities p[n] that sum to 1.
size_t world_pick(const double *p, size_t n, double u);

#endif
