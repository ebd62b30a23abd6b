/* rotate_query and choose: the residual of a query, and the partitions that it probes. Twins: codes.py, ranking.py. */
#pragma once
#include "arguments.h"
#include "arithmetic.h"
#include "rotation.h"
#include "selection.h"

/* Components of rounded vectors are levels from -MAX_LEVEL to MAX_LEVEL, as in ranking.py; sums of MAX_LEVELS products of
 * two fit int32. */
#define MAX_LEVEL 1023
#define MAX_LEVELS 2048

static PyObject *rotate_query(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Array query, mean, signs, target, residual;
    if (count_arguments(given, 6))
        return NULL;
    int cosine = PyObject_IsTrue(args[3]);
    double *wide = NULL;
    if (cosine < 0 || take(&arrays, args[0], "f", 1, 0, &query) || take(&arrays, args[1], "f", 1, 0, &mean) ||
        take(&arrays, args[2], "f", 2, 0, &signs) || take(&arrays, args[4], "f", 1, 1, &target) ||
        take(&arrays, args[5], "f", 1, 1, &residual))
        return finish(&arrays, NULL, NULL);
    int64_t n = query.columns;
    if (refuse(!n || mean.columns != n || signs.columns != n || signs.rows != 2 || target.columns != n ||
                   residual.columns != n,
               "the arrays do not have the dimension of the query"))
        return finish(&arrays, NULL, NULL);
    if (!(wide = malloc((size_t)n * sizeof *wide))) {
        PyErr_NoMemory();
        return finish(&arrays, NULL, NULL);
    }
    float *to = (float *)residual.data, *scaled = (float *)target.data;
    widen_query((const float *)query.data, cosine, wide, n);
    for (int64_t i = 0; i < n; i++) {
        scaled[i] = (float)wide[i];
        to[i] = scaled[i] - ((const float *)mean.data)[i];
    }
    rotate(to, &signs, n);
    return finish(&arrays, wide, Py_NewRef(Py_None));
}

/* Keep the `wanted` places of the largest scores, the first of those that tie, in their order; return how many. */
static int64_t keep_largest(int64_t *places, const float *scores, uint32_t *keys, int64_t n, int64_t wanted)
{
    if (wanted >= n)
        return n;
    for (int64_t i = 0; i < n; i++)
        keys[i] = ~ordered(scores[i]);
    uint32_t last = wanted ? kth_smallest(keys, n, wanted - 1) : 0;
    int64_t kept = 0, tied = wanted;
    for (int64_t i = 0; i < n; i++)
        tied -= keys[i] < last;
    for (int64_t i = 0; i < n && kept < wanted; i++)
        if (keys[i] < last || (keys[i] == last && tied-- > 0))
            places[kept++] = places[i];
    return kept;
}

/* Write the products of some rows of a matrix with a vector, and their offsets added. */
static void score(const Array *matrix, const int64_t *rows, int64_t count, const float *vector, const float *offsets,
                  float *scores)
{
    for (int64_t i = 0; i < count; i++) {
        if (i + 4 < count)
            prefetch(row_of(matrix, rows[i + 4]), 4 * matrix->columns);
        scores[i] = dot(row_of(matrix, rows[i]), vector, matrix->columns) + offsets[rows[i]];
    }
}

/* The same of rows that have whole numbers of steps, in half of the memory: nearly the same scores. */
static void score_levels(const Array *levels, float step, const int64_t *rows, int64_t count, const float *vector,
                         const float *offsets, int16_t *rounded, float *scores)
{
    int64_t n = levels->columns;
    float largest = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fabsf(vector[i]) > largest ? fabsf(vector[i]) : largest;
    float of_vector = largest / MAX_LEVEL;
    for (int64_t i = 0; i < n; i++)
        rounded[i] = (int16_t)(largest > 0 ? lrintf(vector[i] / of_vector) : 0);
    for (int64_t i = 0; i < count; i++) {
        const int16_t *row = (const int16_t *)(levels->data + rows[i] * levels->stride);
        int32_t sum = 0;
        for (int64_t j = 0; j < n; j++)
            sum += row[j] * rounded[j];
        scores[i] = (float)sum * (step * of_vector) + offsets[rows[i]];
    }
}

static PyObject *choose(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Array matrix, offsets, residual, levels, directions, allowed = {0}, out;
    if (count_arguments(given, 9))
        return NULL;
    float step = (float)PyFloat_AsDouble(args[4]);
    int64_t considered = PyLong_AsLongLong(args[7]);
    if (PyErr_Occurred() || take(&arrays, args[0], "f", 2, 0, &matrix) || take(&arrays, args[1], "f", 1, 0, &offsets) ||
        take(&arrays, args[2], "f", 1, 0, &residual) || take(&arrays, args[3], "h", 2, 0, &levels) ||
        take(&arrays, args[5], "f", 2, 0, &directions) ||
        (args[6] != Py_None && take(&arrays, args[6], "?", 1, 0, &allowed)) ||
        take(&arrays, args[8], "lq", 1, 1, &out))
        return finish(&arrays, NULL, NULL);
    int64_t rows = matrix.rows, n = matrix.columns, few = directions.rows;
    if (refuse(offsets.columns != rows || residual.columns != n || levels.rows != rows || levels.columns != few ||
                   few > MAX_LEVELS ||
                   directions.columns != n || (allowed.data && allowed.columns != rows) || considered < 0,
               "the arrays do not have the dimensions of the matrix"))
        return finish(&arrays, NULL, NULL);
    char *scratch = malloc((size_t)rows * (sizeof(int64_t) + sizeof(float) + sizeof(uint32_t)) +
                                    (size_t)few * (sizeof(float) + sizeof(int16_t)));
    if (!scratch) {
        PyErr_NoMemory();
        return finish(&arrays, NULL, NULL);
    }
    int64_t *places = (int64_t *)scratch, count = 0;
    float *scores = (float *)(places + rows), *along = scores + rows;
    uint32_t *keys = (uint32_t *)(along + few);
    int16_t *rounded = (int16_t *)(keys + rows);
    PyThreadState *state = PyEval_SaveThread();
    for (int64_t i = 0; i < few; i++)
        along[i] = dot(row_of(&directions, i), (const float *)residual.data, n);
    for (int64_t row = 0; row < rows; row++)
        if (!allowed.data || allowed.data[row])
            places[count++] = row;
    score_levels(&levels, step, places, count, along, (const float *)offsets.data, rounded, scores);
    count = keep_largest(places, scores, keys, count, considered);
    score(&matrix, places, count, (const float *)residual.data, (const float *)offsets.data, scores);
    count = keep_largest(places, scores, keys, count, out.columns);
    memcpy(out.data, places, (size_t)count * sizeof *places);
    PyEval_RestoreThread(state);
    return finish(&arrays, scratch, PyLong_FromLongLong(count));
}
