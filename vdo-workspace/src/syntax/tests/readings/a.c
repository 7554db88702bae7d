/* a.c - Keeps things.
 *
 * Copyright (c) Somebody
 * All rights reserved.
 */
#include <stdio.h>
#include "keep.h"

#ifndef KEEP_H
#define KEEP_H
/* How many. */
#define LIMIT 3
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* A thing. It is kept. */
typedef struct thing {
    int size; /* in bytes */
    struct thing *next;
} thing;

typedef struct { int x; } point, *point_ref;
typedef int (*handler)(thing *, void *);
enum color { RED, GREEN = 2 };
struct forward;

static const char *names[] = { "a", "b" };
extern struct server srv;
int keep(thing *t, int count);

// Keeps a thing
// for long
static int
keep(thing *t, int count)
{
    struct stat st;
    int total = MAX(count, LIMIT);
    for (int i = 0; i < total; i++) {
        log_it(t->next, srv.port, st.st_size);
    }
    return RED;
}

char *(*lookup(const char *name))(void) { return find(name); }
#endif
