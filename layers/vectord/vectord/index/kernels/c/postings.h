/* add_scores: what a term adds to the scores of the rows that have it. Twin: FieldScorer.add in index/text/bm25.py. */
#pragma once
#include "arguments.h"

#define BM25_K1 1.2
#define BM25_B 0.75
#define SHORT 256 /* lengths in one byte, of which the norms are computed once */

/* Unsigned numbers of 1, 2 or 4 bytes; without `data`, each is 1. */
typedef struct {
    const char *data;
    int bytes;
} Numbers;

static uint32_t unsigned_at(Numbers numbers, int64_t at)
{
    switch (numbers.bytes) {
    case 0:
        return 1;
    case 1:
        return ((const uint8_t *)numbers.data)[at];
    case 2:
        return ((const uint16_t *)numbers.data)[at];
    default:
        return ((const uint32_t *)numbers.data)[at];
    }
}

static double norm_of(double length, double average)
{
    return BM25_K1 * ((1 - BM25_B) + BM25_B * length / average);
}

/* Take unsigned numbers; None has no data. */
static int take_numbers(Arrays *arrays, PyObject *object, Numbers *numbers, int64_t *size)
{
    Array array;
    if (object == Py_None) {
        *numbers = (Numbers){NULL, 0};
        return 0;
    }
    if (take(arrays, object, "BHI", 1, 0, &array))
        return -1;
    *numbers = (Numbers){array.data, (int)arrays->views[arrays->count - 1].itemsize};
    *size = array.size;
    return 0;
}

/* Add to the scores of rows; the compiler makes a loop for each pair of types. Return -1 at a row that has no score. */
static inline __attribute__((always_inline)) int add_to_rows(const Array *rows, Numbers counts, Numbers lengths,
                                                             double weight, double average, Array *scores)
{
    double norms[SHORT];
    for (int length = 0; length < SHORT; length++)
        norms[length] = norm_of(length, average);
    for (int64_t i = 0; i < rows->size; i++) {
        int64_t row = ((const int64_t *)rows->data)[i];
        if (row < 0 || row >= scores->size)
            return -1;
        uint32_t length = unsigned_at(lengths, row);
        double count = unsigned_at(counts, i), norm = length < SHORT ? norms[length] : norm_of(length, average);
        ((double *)scores->data)[row] += weight * count / (count + norm);
    }
    return 0;
}

static PyObject *add_scores(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Array rows, scores;
    Numbers counts, lengths;
    if (count_arguments(given, 6))
        return NULL;
    double weight = PyFloat_AsDouble(args[3]), average = PyFloat_AsDouble(args[4]);
    int64_t counted = -1, of_rows = -1;
    if (PyErr_Occurred() || take(&arrays, args[0], "lq", 1, 0, &rows) ||
        take_numbers(&arrays, args[1], &counts, &counted) || take_numbers(&arrays, args[2], &lengths, &of_rows) ||
        take(&arrays, args[5], "d", 1, 1, &scores))
        return finish(&arrays, NULL, NULL);
    if (refuse((counts.data && counted != rows.size) || of_rows != scores.size,
               "there are not as many counts as rows, or lengths as scores"))
        return finish(&arrays, NULL, NULL);
    int wrong;
    PyThreadState *state = PyEval_SaveThread();
    if (lengths.bytes == 1 && counts.bytes == 1)
        wrong = add_to_rows(&rows, (Numbers){counts.data, 1}, (Numbers){lengths.data, 1}, weight, average, &scores);
    else if (lengths.bytes == 1 && counts.bytes == 0)
        wrong = add_to_rows(&rows, (Numbers){NULL, 0}, (Numbers){lengths.data, 1}, weight, average, &scores);
    else
        wrong = add_to_rows(&rows, counts, lengths, weight, average, &scores);
    PyEval_RestoreThread(state);
    refuse(wrong, "a row has no score");
    return finish(&arrays, NULL, Py_NewRef(Py_None));
}
