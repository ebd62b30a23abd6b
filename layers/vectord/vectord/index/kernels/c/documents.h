/* document_spans: where the ids and metadata of packed rows are. Its twin is PackedDocuments in sections/documents.py. */
#pragma once
#include "arguments.h"

#define BLOCK_ROWS 16 /* as in sections/documents.py */

typedef struct {
    int64_t id, metadata, id_size, metadata_size;
} Span;

static uint64_t number_at(const char *data, int64_t at, size_t size)
{
    uint64_t number = 0; /* little-endian, as the machines that this is compiled for */
    memcpy(&number, data + at, size);
    return number;
}

/* Find the document of a row in a block of `rows` rows from `start` to `stop`; -1 if their lengths are not the block's. */
static int find_in_block(const char *data, int64_t start, int64_t stop, int64_t rows, int64_t position, Span *span)
{
    if (stop - start < 6 * rows)
        return -1;
    int64_t sizes = start + 2 * rows, end = start + 6 * rows;
    for (int64_t i = 0; i < rows; i++) {
        int64_t size = (int64_t)number_at(data, start + 2 * i, 2);
        if (i == position)
            span->id = end, span->id_size = size;
        end += size;
    }
    for (int64_t i = 0; i < rows; i++) {
        int64_t size = (int64_t)number_at(data, sizes + 4 * i, 4);
        if (i == position)
            span->metadata = end, span->metadata_size = size;
        end += size;
    }
    return end == stop ? 0 : -1;
}

static PyObject *document_spans(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Array section, rows;
    if (count_arguments(given, 5))
        return NULL;
    int64_t directory = PyLong_AsLongLong(args[1]), blocks = PyLong_AsLongLong(args[2]);
    int64_t count = PyLong_AsLongLong(args[3]), outside = 0;
    if (PyErr_Occurred() || take(&arrays, args[0], "B", 1, 0, &section) || take(&arrays, args[4], "lq", 1, 0, &rows))
        return finish(&arrays, NULL, NULL);
    if (refuse(count < 0 || directory < 0 || blocks > section.size ||
                   directory > blocks - 8 * ((count + BLOCK_ROWS - 1) / BLOCK_ROWS + 1),
               "the directory is outside of the section"))
        return finish(&arrays, NULL, NULL);
    Span *spans = malloc((size_t)rows.size * sizeof *spans + 1);
    if (!spans) {
        PyErr_NoMemory();
        return finish(&arrays, NULL, NULL);
    }
    for (int64_t i = 0; i < rows.size && !outside; i++) {
        int64_t row = ((const int64_t *)rows.data)[i], block = row / BLOCK_ROWS, left = count - BLOCK_ROWS * block;
        outside = row < 0 || row >= count;
        if (outside)
            break;
        uint64_t start = number_at(section.data, directory + 8 * block, 8);
        uint64_t stop = number_at(section.data, directory + 8 * block + 8, 8);
        outside = start >= stop || stop > (uint64_t)(section.size - blocks) ||
                  find_in_block(section.data, blocks + (int64_t)start, blocks + (int64_t)stop,
                                left < BLOCK_ROWS ? left : BLOCK_ROWS, row % BLOCK_ROWS, &spans[i]);
    }
    PyObject *found = outside ? Py_NewRef(Py_None)
                              : PyBytes_FromStringAndSize((const char *)spans, rows.size * (Py_ssize_t)sizeof *spans);
    return finish(&arrays, spans, found);
}
