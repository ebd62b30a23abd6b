/* The kernels of searches and builds, in C: what numpy does in many calls of some microseconds each, in one call.
 *
 * Every function has a twin in numpy, which defines its result and is used where this file was not compiled. Arguments
 * are numpy arrays, passed as buffers: their types and shapes are checked here, no pointer outlives a call, and numbers
 * that came from a blob are compared with the size of what they index.
 *
 * Sums of float64 have a fixed order: eight partial sums, so that a distance has the same bits on every processor and
 * in numpy. A product and a sum are never contracted to one operation (-ffp-contract=off), because numpy does not
 * either. Sums of float32 are only compared within an error bound, and have no fixed order.
 */
#include "arguments.h" /* before other headers, because it includes Python.h */
#include "assign.h"
#include "centroids.h"
#include "codes.h"
#include "documents.h"
#include "lists.h"
#include "postings.h"
#include "query.h"
#include "ranges.h"
#include "reach.h"
#include "rotation.h"
#include "rows.h"

#define METHOD(name, text) {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, text}

static PyMethodDef METHODS[] = {
    METHOD(rotate_query, "Scale a query, and write it and its rotated residual."),
    METHOD(encode, "Write the codes of rows, and their norms and factors."),
    METHOD(rank, "Write the partitions with the nearest centroids, nearest first, and return their number."),
    METHOD(choose, "Write the rows of a matrix with nearly the largest products, and return their number."),
    METHOD(least_different, "Write the rows of the entries that differ least from a query, and return their number."),
    METHOD(compare, "Write for the entries of partitions their fields, the differing bits, and the sums of levels."),
    METHOD(document_spans, "Return where the ids and metadata of rows are, or None if the section is not valid."),
    METHOD(likely_lists, "Write for each set of partitions and each k the rows that a search may want."),
    METHOD(reached, "Set which partitions searches by ranges read with each number of probes."),
    METHOD(range_numbers, "Write for each row of each list the number of its range, and the bytes read because of it."),
    METHOD(nearest, "Write which rows can be among the nearest, and their exact distances; return their number."),
    METHOD(distances, "Write the exact distances of rows, and return whether each row has a direction."),
    METHOD(add_scores, "Add what a term adds to the scores of the rows that have it."),
    METHOD(assign, "Write the nearest centroid of each row, its value, and the second centroid."),
    {0},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, .m_name = "native", .m_doc = "The kernels of searches and builds, in C.", .m_methods = METHODS};

#ifdef __AVX2__ /* compiled for a processor that not every machine has; this function runs on each */
#define ANY_PROCESSOR __attribute__((target("arch=x86-64")))
#define IS_SUPPORTED                                                                                                   \
    (__builtin_cpu_init(),                                                                                             \
     __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma"))
#else
#define ANY_PROCESSOR
#define IS_SUPPORTED 1
#endif

ANY_PROCESSOR PyMODINIT_FUNC PyInit_native(void)
{
    if (!IS_SUPPORTED) {
        PyErr_SetString(PyExc_ImportError, "this processor lacks AVX2, BMI2 or FMA");
        return NULL;
    }
    return PyModuleDef_Init(&MODULE);
}
