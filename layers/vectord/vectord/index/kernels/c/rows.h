/* nearest and distances: exact distances of rows. Twins: exact_scan.prune, distance.distances. */
#pragma once
#include "arguments.h"
#include "arithmetic.h"
#include "selection.h"

static const float MIN_NORM = 0x1p-30f, MAX_NORM = 0x1p30f; /* as in exact_scan.py */

/* The largest and the smallest of the norms of rows; NaN if one is. */
static int norms_are_safe(const float *norms, const int64_t *rows, int64_t n, int cosine, float *largest)
{
    float smallest = INFINITY;
    *largest = 0;
    for (int64_t i = 0; i < n; i++) {
        float norm = norms[rows[i]];
        if (isnan(norm))
            return -1;
        if (norm > *largest)
            *largest = norm;
        if (norm < smallest)
            smallest = norm;
    }
    return *largest <= MAX_NORM && (!cosine || smallest >= MIN_NORM);
}

/* The bound of the error of a sweep in float32, as in exact_scan.py, doubled for float32 norms. */
static double sweep_error(int64_t dimension, int cosine, float largest, double length)
{
    double terms = (double)(dimension + 8) * 0x1p-24, relative = 2 * terms / (1 - terms);
    return cosine ? relative : relative * (largest + length) * (largest + length);
}

/* Keep those of n rows that can be among the k nearest, in their order; return how many. */
static int64_t prune(const Array *vectors, const float *norms, const float *target, int64_t *rows, int64_t n, int64_t k,
                     int cosine, double error, float *sweep, uint32_t *keys)
{
    int64_t kept = 0, dimension = vectors->columns;
    for (int64_t i = 0; i < n; i++) {
        if (i + 4 < n)
            prefetch(row_of(vectors, rows[i + 4]), 4 * dimension);
        float product = dot(row_of(vectors, rows[i]), target, dimension), norm = norms[rows[i]];
        sweep[i] = cosine ? 1 - product / norm : norm * norm - 2 * product;
        keys[i] = ordered(sweep[i]);
    }
    uint32_t kth = kth_smallest(keys, n, k - 1);
    float farthest = INFINITY;
    for (int64_t i = 0; i < n; i++)
        if (keys[i] == kth)
            farthest = sweep[i] + (float)(2 * error);
    for (int64_t i = 0; i < n; i++)
        if (sweep[i] <= farthest)
            rows[kept++] = rows[i];
    return kept;
}

static PyObject *nearest(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Array vectors, norms, rows, query, target, out, distances;
    if (count_arguments(given, 9))
        return NULL;
    int64_t k = PyLong_AsLongLong(args[5]);
    if (PyErr_Occurred())
        return NULL;
    int cosine = PyObject_IsTrue(args[6]);
    if (cosine < 0 || take(&arrays, args[0], "f", 2, 0, &vectors) || take(&arrays, args[1], "f", 1, 0, &norms) ||
        take(&arrays, args[2], "lq", 1, 0, &rows) || take(&arrays, args[3], "f", 1, 0, &query) ||
        take(&arrays, args[4], "f", 1, 0, &target) || take(&arrays, args[7], "lq", 1, 1, &out) ||
        take(&arrays, args[8], "d", 1, 1, &distances))
        return finish(&arrays, NULL, NULL);
    int64_t n = rows.size, dimension = vectors.columns;
    int outside = k < 1 || norms.size != vectors.rows || query.size != dimension || target.size != dimension ||
                  out.size < n || distances.size < n;
    for (int64_t i = 0; i < n && !outside; i++)
        outside = ((const int64_t *)rows.data)[i] < 0 || ((const int64_t *)rows.data)[i] >= vectors.rows;
    if (refuse(outside, "a row is outside of the vectors, or the arrays do not have their dimensions"))
        return finish(&arrays, NULL, NULL);
    double *wide = malloc((size_t)dimension * 16 + (size_t)n * 8 + 8);
    if (!wide) {
        PyErr_NoMemory();
        return finish(&arrays, NULL, NULL);
    }
    double *exact = wide + dimension;
    float *sweep = (float *)(exact + dimension), largest;
    int64_t *near = (int64_t *)out.data, kept = n;
    double *found = (double *)distances.data;
    PyThreadState *state = PyEval_SaveThread();
    memcpy(near, rows.data, (size_t)n * sizeof *near);
    int safe = norms_are_safe((const float *)norms.data, near, n, cosine, &largest);
    if (safe > 0 && k < n) {
        widen_query((const float *)query.data, 0, exact, dimension);
        double error = sweep_error(dimension, cosine, largest, sqrt(sum_of_squares(exact, dimension)));
        kept = prune(&vectors, (const float *)norms.data, (const float *)target.data, near, n, k, cosine, error, sweep,
                     (uint32_t *)(sweep + n));
    }
    widen_query((const float *)query.data, cosine, exact, dimension);
    for (int64_t i = 0; i < kept && safe >= 0; i++) {
        found[i] = exact_distance(row_of(&vectors, near[i]), (const float *)query.data, exact, cosine, wide, dimension);
        if (isnan(found[i]))
            safe = -1;
    }
    PyEval_RestoreThread(state);
    return finish(&arrays, wide, PyLong_FromLongLong(safe < 0 ? -1 : kept));
}

static PyObject *distances(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Array vectors, rows = {0}, query, out;
    if (count_arguments(given, 5))
        return NULL;
    int cosine = PyObject_IsTrue(args[3]), complete = 1;
    if (cosine < 0 || take(&arrays, args[0], "f", 2, 0, &vectors) ||
        (args[1] != Py_None && take(&arrays, args[1], "lq", 1, 0, &rows)) ||
        take(&arrays, args[2], "f", 1, 0, &query) || take(&arrays, args[4], "d", 1, 1, &out))
        return finish(&arrays, NULL, NULL);
    const int64_t *row = (const int64_t *)rows.data;
    int64_t n = row ? rows.size : vectors.rows, dimension = vectors.columns;
    int outside = query.size != dimension || out.size != n;
    for (int64_t i = 0; row && i < n && !outside; i++)
        outside = row[i] < 0 || row[i] >= vectors.rows;
    if (refuse(outside, "a row is outside of the vectors, or the arrays do not have their dimensions"))
        return finish(&arrays, NULL, NULL);
    double *wide = malloc((size_t)dimension * 16 + 8);
    if (!wide) {
        PyErr_NoMemory();
        return finish(&arrays, NULL, NULL);
    }
    PyThreadState *state = PyEval_SaveThread();
    widen_query((const float *)query.data, cosine, wide + dimension, dimension);
    for (int64_t i = 0; i < n; i++) {
        const float *vector = row_of(&vectors, row ? row[i] : i);
        double distance = exact_distance(vector, (const float *)query.data, wide + dimension, cosine, wide, dimension);
        ((double *)out.data)[i] = distance;
        complete &= !isnan(distance);
    }
    PyEval_RestoreThread(state);
    return finish(&arrays, wide, PyBool_FromLong(complete));
}
