/* reached: the partitions that searches by ranges read with several numbers of probes. Twin: build/ranges_needed.py. */
#pragma once
#include "arguments.h"

/* The partitions by rank, where the codes of each start, and the bounds of `within_reach`. */
typedef struct {
    Array ranked, starts;
    int64_t least_gap, gap_of_a_probe, most, requests;
} Reach;

/* Room for ascending partitions, the range of each partition, and the first and the last partition of each range. */
typedef struct {
    int64_t *ordered, *range_of, *firsts, *lasts;
} Ranges;

/* Insert a partition into n ascending ones. */
static void insert(int64_t *ordered, int64_t n, int64_t partition)
{
    for (; n && ordered[n - 1] > partition; n--)
        ordered[n] = ordered[n - 1];
    ordered[n] = partition;
}

/* Find the ranges of the first `probes` partitions, which are ordered. */
static void find_ranges(const Reach *reach, Ranges *ranges, int64_t probes)
{
    const int64_t *starts = (const int64_t *)reach->starts.data;
    int64_t gap = reach->gap_of_a_probe * probes, range = -1;
    gap = gap > reach->least_gap ? gap : reach->least_gap;
    for (int64_t i = 0; i < probes; i++) {
        int64_t partition = ranges->ordered[i];
        if (!i || starts[partition] - starts[ranges->ordered[i - 1] + 1] > gap)
            ranges->firsts[++range] = partition;
        ranges->lasts[range] = partition;
        ranges->range_of[partition] = range;
    }
}

/* Set what is read of the first `probes` partitions, which are ordered: the ranges of the nearest ones. */
static void read_nearest(const Reach *reach, Ranges *ranges, int64_t probes, char *read)
{
    const int64_t *ranked = (const int64_t *)reach->ranked.data;
    find_ranges(reach, ranges, probes);
    for (int64_t i = 0, left = reach->requests; i < probes && left; i++) {
        int64_t range = ranges->range_of[ranked[i]], first = ranges->firsts[range];
        if (first < 0) /* it is read because of a nearer partition */
            continue;
        memset(read + first, 1, (size_t)(ranges->lasts[range] - first + 1));
        ranges->firsts[range] = -1;
        left--;
    }
}

static PyObject *reached(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Reach reach;
    Array numbers, read;
    if (count_arguments(given, 8))
        return NULL;
    reach.least_gap = PyLong_AsLongLong(args[3]), reach.gap_of_a_probe = PyLong_AsLongLong(args[4]);
    reach.most = PyLong_AsLongLong(args[5]), reach.requests = PyLong_AsLongLong(args[6]);
    if (PyErr_Occurred() || take(&arrays, args[0], "lq", 1, 0, &reach.ranked) ||
        take(&arrays, args[1], "lq", 1, 0, &reach.starts) || take(&arrays, args[2], "lq", 1, 0, &numbers) ||
        take(&arrays, args[7], "?", 2, 1, &read))
        return finish(&arrays, NULL, NULL);
    const int64_t *ranked = (const int64_t *)reach.ranked.data, *probes = (const int64_t *)numbers.data;
    int64_t n = reach.ranked.size, partitions = read.columns, before = 0;
    int outside = reach.starts.size != partitions + 1 || read.rows != numbers.size;
    for (int64_t i = 0; i < n && !outside; i++)
        outside = ranked[i] < 0 || ranked[i] >= partitions;
    for (int64_t i = 0; i < numbers.size && !outside; i++) {
        outside = probes[i] < before || probes[i] > n;
        before = probes[i];
    }
    if (refuse(outside, "a partition is outside of the index, or the numbers of probes do not ascend"))
        return finish(&arrays, NULL, NULL);
    int64_t *room = malloc(((size_t)n * 3 + (size_t)partitions + 1) * sizeof *room), ordered = 0;
    if (!room) {
        PyErr_NoMemory();
        return finish(&arrays, NULL, NULL);
    }
    Ranges ranges = {room, room + 3 * n, room + n, room + 2 * n};
    for (int64_t number = 0; number < numbers.size; number++) {
        char *of_number = read.data + number * read.stride;
        if (probes[number] > reach.most) {
            for (int64_t i = 0; i < probes[number]; i++)
                of_number[ranked[i]] = 1;
            continue;
        }
        for (; ordered < probes[number]; ordered++)
            insert(ranges.ordered, ordered, ranked[ordered]);
        read_nearest(&reach, &ranges, probes[number], of_number);
    }
    return finish(&arrays, room, Py_NewRef(Py_None));
}
