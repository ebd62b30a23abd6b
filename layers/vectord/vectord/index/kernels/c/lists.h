/* likely_lists: the rows that a search by ranges may want, for several sets of partitions. Twin: kernels/likely_lists.py. */
#pragma once
#include "arguments.h"
#include <math.h>

/* Entries by ascending estimate, and the partitions that each set reads. */
typedef struct {
    Array read, places, rows, values, least;
} Ranked;

/* Write the first `most` entries of a set, the second of two of one row left out, and return how many there are. */
static int64_t entries_of_set(const Ranked *ranked, int64_t set, int64_t most, int64_t *found)
{
    const char *read = ranked->read.data + set * ranked->read.stride;
    const uint32_t *rows = (const uint32_t *)ranked->rows.data;
    int64_t distinct = 0, last = -1;
    for (int64_t i = 0; i < ranked->rows.size && most; i++) {
        if (!read[((const int64_t *)ranked->places.data)[i]])
            continue;
        most--;
        if (rows[i] != last)
            found[distinct++] = i;
        last = rows[i];
    }
    return distinct;
}

/* Write the rows of the found entries that may be as near as the k-th, at most `limit`, and return how many. */
static int64_t likely_rows(const Ranked *ranked, const int64_t *found, int64_t n, int64_t k, int64_t limit, int64_t *to)
{
    double kth = k <= n ? ((const double *)ranked->values.data)[found[k - 1]] : INFINITY;
    int64_t kept = 0;
    for (int64_t i = 0; i < n && kept < limit; i++)
        if (((const double *)ranked->least.data)[found[i]] <= kth)
            to[kept++] = ((const uint32_t *)ranked->rows.data)[found[i]];
    return kept;
}

static PyObject *likely_lists(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Ranked ranked;
    Array ks, lists, counts;
    if (count_arguments(given, 9))
        return NULL;
    int64_t most = PyLong_AsLongLong(args[5]);
    if (PyErr_Occurred() || take(&arrays, args[0], "?", 2, 0, &ranked.read) ||
        take(&arrays, args[1], "lq", 1, 0, &ranked.places) || take(&arrays, args[2], "I", 1, 0, &ranked.rows) ||
        take(&arrays, args[3], "d", 1, 0, &ranked.values) || take(&arrays, args[4], "d", 1, 0, &ranked.least) ||
        take(&arrays, args[6], "lq", 1, 0, &ks) || take(&arrays, args[7], "lq", 2, 1, &lists) ||
        take(&arrays, args[8], "lq", 1, 1, &counts))
        return finish(&arrays, NULL, NULL);
    int64_t n = ranked.rows.size, sets = ranked.read.rows;
    int outside = most < 0 || ranked.places.size != n || ranked.values.size != n || ranked.least.size != n ||
                  lists.rows != sets * ks.size || counts.size != sets * ks.size;
    for (int64_t i = 0; i < n && !outside; i++) {
        int64_t place = ((const int64_t *)ranked.places.data)[i];
        outside = place < 0 || place >= ranked.read.columns;
    }
    for (int64_t i = 0; i < ks.size && !outside; i++)
        outside = ((const int64_t *)ks.data)[i] < 1;
    if (refuse(outside, "a partition is outside of the sets, or the arrays do not have the same entries"))
        return finish(&arrays, NULL, NULL);
    int64_t *found = malloc((size_t)n * sizeof *found + 1), *count = (int64_t *)counts.data;
    if (!found) {
        PyErr_NoMemory();
        return finish(&arrays, NULL, NULL);
    }
    PyThreadState *state = PyEval_SaveThread();
    for (int64_t set = 0; set < sets; set++) {
        int64_t entries = entries_of_set(&ranked, set, most, found);
        for (int64_t i = 0; i < ks.size; i++) {
            int64_t list = set * ks.size + i;
            count[list] = likely_rows(&ranked, found, entries, ((const int64_t *)ks.data)[i], lists.columns,
                                      (int64_t *)(lists.data + list * lists.stride));
        }
    }
    PyEval_RestoreThread(state);
    return finish(&arrays, found, Py_NewRef(Py_None));
}
