/* The arguments of a call: numpy arrays, as buffers of a known type and shape. */
#pragma once
#define Py_LIMITED_API 0x030C0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The arrays of one call, which hold their memory until `release`. */
typedef struct {
    Py_buffer views[12];
    int count;
} Arrays;

/* Memory of one array: `size` components, in `rows` rows that are `stride` bytes apart. */
typedef struct {
    char *data;
    int64_t size, rows, columns, stride;
} Array;

static void release(Arrays *arrays)
{
    while (arrays->count)
        PyBuffer_Release(&arrays->views[--arrays->count]);
}

/* Take an array of `dimensions` dimensions and one of the types `types` (characters of struct); rows may be strided. */
static int take(Arrays *arrays, PyObject *object, const char *types, int dimensions, int writable, Array *array)
{
    Py_buffer *view = &arrays->views[arrays->count];
    if (PyObject_GetBuffer(object, view, PyBUF_STRIDES | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0)))
        return -1;
    arrays->count++;
    size_t length = strlen(view->format);
    if (view->ndim != dimensions || !length || !strchr(types, view->format[length - 1])) {
        PyErr_Format(PyExc_TypeError, "an array of %d dimensions and type %s is needed, not %d and %s", dimensions,
                     types, view->ndim, view->format);
        return -1;
    }
    int last = dimensions - 1;
    array->data = view->buf;
    array->columns = view->shape[last];
    array->rows = dimensions == 2 ? view->shape[0] : 1;
    array->stride = dimensions == 2 ? view->strides[0] : 0;
    array->size = array->rows * array->columns;
    if ((array->columns > 1 && view->strides[last] != view->itemsize) || array->stride < 0 ||
        (uintptr_t)view->buf % (size_t)view->itemsize || array->stride % view->itemsize) {
        PyErr_SetString(PyExc_ValueError, "an array is not aligned, or its rows are not contiguous");
        return -1;
    }
    return 0;
}

static int refuse(int condition, const char *reason)
{
    if (condition)
        PyErr_SetString(PyExc_ValueError, reason);
    return condition;
}

static int count_arguments(Py_ssize_t given, Py_ssize_t needed)
{
    if (given != needed)
        PyErr_Format(PyExc_TypeError, "%zd arguments are needed, not %zd", needed, given);
    return given != needed;
}

/* End a call: release its arrays and its scratch memory, and return the result, or NULL if an error is set. */
static PyObject *finish(Arrays *arrays, void *scratch, PyObject *result)
{
    release(arrays);
    free(scratch);
    if (PyErr_Occurred()) {
        Py_XDECREF(result);
        return NULL;
    }
    return result;
}

/* Begin to load memory that is needed soon, where it does not follow what was read before. */
static void prefetch(const void *start, int64_t bytes)
{
    for (int64_t at = 0; at < bytes; at += 64)
        __builtin_prefetch((const char *)start + at);
}

static const float *row_of(const Array *matrix, int64_t row)
{
    return (const float *)(matrix->data + row * matrix->stride);
}
