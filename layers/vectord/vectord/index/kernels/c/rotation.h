/* The rotation of a residual, and `encode`: the codes of rows. Twins: hadamard.py, codes.py. */
#pragma once
#include "arguments.h"
#include "arithmetic.h"

typedef int32_t i32x8 __attribute__((vector_size(32)));

/* The first three stages of a Hadamard transform of `width` components, at least 8, whose pairs are in one vector. */
static void near_stages(float *values, int64_t width)
{
    const i32x8 other[] = {{1, 0, 3, 2, 5, 4, 7, 6}, {2, 3, 0, 1, 6, 7, 4, 5}, {4, 5, 6, 7, 0, 1, 2, 3}};
    const f32x8 sign[] = {
        {1, -1, 1, -1, 1, -1, 1, -1}, {1, 1, -1, -1, 1, 1, -1, -1}, {1, 1, 1, 1, -1, -1, -1, -1}};
    for (int64_t i = 0; i < width; i += LANES) {
        f32x8 part = *(const f32x8_in_memory *)(values + i);
        for (int stage = 0; stage < 3; stage++)
            part = __builtin_shuffle(part, other[stage]) + part * sign[stage];
        *(f32x8_in_memory *)(values + i) = part;
    }
}

/* The orthonormal Hadamard transform of `width` components, a power of two, in place. */
static void hadamard(float *values, int64_t width)
{
    int64_t half = 1;
    if (width >= LANES)
        near_stages(values, width), half = LANES;
    for (; half < width; half *= 2)
        for (int64_t start = 0; start < width; start += 2 * half)
            for (int64_t i = start; i < start + half; i++) {
                float sum = values[i] + values[i + half];
                values[i + half] = values[i] - values[i + half];
                values[i] = sum;
            }
    float scale = 1 / sqrtf((float)width);
    for (int64_t i = 0; i < width; i++)
        values[i] *= scale;
}

/* Rotate n components in place; `signs` has those of both rounds. */
static void rotate(float *values, const Array *signs, int64_t n)
{
    int64_t width = 1;
    while (2 * width <= n)
        width *= 2;
    for (int64_t i = 0; i < n; i++)
        values[i] *= row_of(signs, 0)[i];
    hadamard(values, width);
    for (int64_t i = 0; i < n; i++)
        values[i] *= row_of(signs, 1)[i];
    hadamard(values + n - width, width);
}

/* Write the code, the norm and the factor of a rotated residual. */
static void write_code(const float *residual, int64_t n, uint64_t *words, float *norm, float *factor)
{
    float total = 0;
    for (int64_t i = 0; i < n; i += 64) {
        uint64_t word = 0;
        for (int64_t bit = 0; bit < 64 && i + bit < n; bit++)
            word |= (uint64_t)(residual[i + bit] > 0) << bit;
        words[i / 64] = word;
    }
    float lanes[LANES] = {0};
    for (int64_t i = 0; i < n; i++)
        lanes[i % LANES] += fabsf(residual[i]);
    for (int lane = 0; lane < LANES; lane++)
        total += lanes[lane];
    *norm = sqrtf(dot(residual, residual, n));
    float scale = *norm * sqrtf((float)n);
    *factor = scale > 0 ? total / scale : 1;
}

static PyObject *encode(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Array vectors, mean, signs, words, norms, factors;
    if (count_arguments(given, 7))
        return NULL;
    int cosine = PyObject_IsTrue(args[3]);
    if (cosine < 0 || take(&arrays, args[0], "f", 2, 0, &vectors) || take(&arrays, args[1], "f", 1, 0, &mean) ||
        take(&arrays, args[2], "f", 2, 0, &signs) || take(&arrays, args[4], "LQ", 2, 1, &words) ||
        take(&arrays, args[5], "f", 1, 1, &norms) || take(&arrays, args[6], "f", 1, 1, &factors))
        return finish(&arrays, NULL, NULL);
    int64_t n = vectors.columns, rows = vectors.rows;
    if (refuse(!n || mean.columns != n || signs.columns != n || signs.rows != 2 || words.rows != rows ||
                   words.columns != (n + 63) / 64 || norms.size != rows || factors.size != rows,
               "the arrays do not have the rows and the dimension of the vectors"))
        return finish(&arrays, NULL, NULL);
    float *residual = malloc((size_t)n * sizeof *residual);
    if (!residual) {
        PyErr_NoMemory();
        return finish(&arrays, NULL, NULL);
    }
    PyThreadState *state = PyEval_SaveThread();
    for (int64_t row = 0; row < rows; row++) {
        const float *vector = row_of(&vectors, row);
        float length = cosine ? sqrtf(dot(vector, vector, n)) : 1;
        for (int64_t i = 0; i < n; i++)
            residual[i] = vector[i] / length - ((const float *)mean.data)[i];
        rotate(residual, &signs, n);
        write_code(residual, n, (uint64_t *)(words.data + row * words.stride), (float *)norms.data + row,
                   (float *)factors.data + row);
    }
    PyEval_RestoreThread(state);
    return finish(&arrays, residual, Py_NewRef(Py_None));
}
