/* least_different: the rows whose codes differ least from a query. compare: what an estimate of each distance needs.
 * Their twins are in sections/parts.py. */
#pragma once
#include "arguments.h"
#include "selection.h"

typedef uint64_t u64_in_memory __attribute__((aligned(1), may_alias));
typedef uint32_t u32_in_memory __attribute__((aligned(1), may_alias));

#define LEVEL_BITS 5 /* of a component of the query, as in codes.py */

/* Count in how many bits each of n codes, in planes, differs from `code`. */
static void count_differing(const char *planes, const uint64_t *code, int64_t words, int64_t n, uint16_t *differing)
{
    const u64_in_memory *plane = (const u64_in_memory *)planes;
    memset(differing, 0, (size_t)n * sizeof *differing);
    int64_t word = 0;
    for (; word + 3 <= words; word += 3, plane += 3 * n)
        for (int64_t i = 0; i < n; i++)
            differing[i] += (uint16_t)(__builtin_popcountll(plane[i] ^ code[word]) +
                                       __builtin_popcountll(plane[i + n] ^ code[word + 1]) +
                                       __builtin_popcountll(plane[i + 2 * n] ^ code[word + 2]));
    for (; word < words; word++, plane += n)
        for (int64_t i = 0; i < n; i++)
            differing[i] += (uint16_t)__builtin_popcountll(plane[i] ^ code[word]);
}

/* Return the least number of bits within which there are `wanted` of the counted entries. */
static int64_t limit_of(const int64_t *counts, int64_t most, int64_t wanted)
{
    int64_t limit = 0;
    for (int64_t seen = counts[0]; seen < wanted && limit < most; seen += counts[limit])
        limit++;
    return limit;
}

/* The entries of one partition: codes in planes, and after the norms and factors the rows. */
typedef struct {
    const char *planes;
    const u32_in_memory *rows;
    int64_t count;
} Entries;

/* Find the entries of a partition; return -1 if its directory does not have it, or it ends outside of the section. */
static int entries_of(const Array *section, const Array *starts, const Array *first, int64_t partition, int64_t words,
                      Entries *entries)
{
    if (partition < 0 || partition + 1 >= starts->size || partition + 1 >= first->size)
        return -1;
    int64_t start = ((const int64_t *)starts->data)[partition];
    const int64_t *bound = (const int64_t *)first->data + partition;
    if (bound[0] < 0 || bound[1] < bound[0] || start < 0 || start > section->size ||
        bound[1] - bound[0] > (section->size - start) / (8 * words + 8))
        return -1;
    entries->count = bound[1] - bound[0];
    entries->planes = section->data + start;
    entries->rows = (const u32_in_memory *)(entries->planes + (8 * words + 4) * entries->count);
    return 0;
}

/* Count the differing bits of the entries, and how many entries have each number of them; -1 for a row without mask. */
static int count_all(const Entries *partitions, int64_t n, const uint64_t *code, int64_t words, const Array *hidden,
                     uint16_t *differing, int64_t *seen)
{
    int64_t most = 64 * words;
    for (int64_t i = 0; i < n; differing += partitions[i++].count) {
        if (i + 1 < n)
            prefetch(partitions[i + 1].planes, (8 * words + 8) * partitions[i + 1].count);
        count_differing(partitions[i].planes, code, words, partitions[i].count, differing);
        for (int64_t j = 0; hidden->data && j < partitions[i].count; j++) {
            if (partitions[i].rows[j] >= hidden->size)
                return -1;
            if (hidden->data[partitions[i].rows[j]])
                differing[j] = (uint16_t)(most + 1);
        }
        for (int64_t j = 0; j < partitions[i].count; j++)
            seen[differing[j]]++;
    }
    return 0;
}

/* Write the distinct rows of the entries that differ in at most `limit` bits, ascending, and return their number. */
static int64_t rows_within(const Entries *partitions, int64_t n, const uint16_t *differing, int64_t limit,
                           uint32_t *rows, uint32_t *other)
{
    int64_t found = 0, distinct = 0;
    for (int64_t i = 0; i < n; differing += partitions[i++].count)
        for (int64_t j = 0; j < partitions[i].count; j++) {
            rows[found] = partitions[i].rows[j];
            found += differing[j] <= limit;
        }
    sort(rows, other, found);
    for (int64_t i = 0; i < found; i++)
        if (!i || rows[i] != rows[i - 1])
            other[distinct++] = rows[i];
    return distinct;
}

static PyObject *least_different(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Array section, starts, first, partitions, residual, hidden = {0};
    if (count_arguments(given, 7))
        return NULL;
    int64_t wanted = PyLong_AsLongLong(args[6]);
    if (PyErr_Occurred() || take(&arrays, args[0], "B", 1, 0, &section) ||
        take(&arrays, args[1], "lq", 1, 0, &starts) || take(&arrays, args[2], "lq", 1, 0, &first) ||
        take(&arrays, args[3], "lq", 1, 0, &partitions) || take(&arrays, args[4], "f", 1, 0, &residual) ||
        (args[5] != Py_None && take(&arrays, args[5], "?", 1, 0, &hidden)))
        return finish(&arrays, NULL, NULL);
    int64_t n = partitions.size, words = (residual.columns + 63) / 64, most = 64 * words, entries = 0;
    Entries *probed = malloc((size_t)n * sizeof *probed + 1);
    if (!probed) {
        PyErr_NoMemory();
        return finish(&arrays, NULL, NULL);
    }
    for (int64_t i = 0; i < n; entries += probed[i++].count)
        if (refuse(entries_of(&section, &starts, &first, ((const int64_t *)partitions.data)[i], words, &probed[i]) ||
                       most >= UINT16_MAX,
                   "a partition is outside of the section"))
            return finish(&arrays, probed, NULL);
    char *scratch = calloc(1, (size_t)(words + most + 2) * 8 + (size_t)entries * (4 + 4 + 2));
    if (!scratch) {
        PyErr_NoMemory();
        return finish(&arrays, probed, NULL);
    }
    uint64_t *code = (uint64_t *)scratch;
    int64_t *seen = (int64_t *)(code + words), distinct = 0;
    uint32_t *rows = (uint32_t *)(seen + most + 2), *other = rows + entries;
    uint16_t *differing = (uint16_t *)(other + entries);
    PyThreadState *state = PyEval_SaveThread();
    for (int64_t i = 0; i < residual.size; i++)
        code[i / 64] |= (uint64_t)(((const float *)residual.data)[i] > 0) << i % 64;
    int outside = count_all(probed, n, code, words, &hidden, differing, seen);
    if (!outside)
        distinct = rows_within(probed, n, differing, limit_of(seen, most, wanted), rows, other);
    PyEval_RestoreThread(state);
    free(probed);
    refuse(outside, "a row is outside of `hidden`");
    PyObject *found = outside ? NULL : PyBytes_FromStringAndSize((const char *)other, distinct * 4);
    return finish(&arrays, scratch, found);
}

/* Add to the sum of each of n codes, in planes, the levels of the components whose bit is 1; `levels` are in planes. */
static void sum_levels(const char *planes, const Array *levels, int64_t words, int64_t n, int32_t *sums)
{
    const u64_in_memory *plane = (const u64_in_memory *)planes;
    memset(sums, 0, (size_t)n * sizeof *sums);
    for (int64_t word = 0; word < words; word++, plane += n) {
        uint64_t bits[LEVEL_BITS];
        for (int level = 0; level < LEVEL_BITS; level++)
            bits[level] = ((const uint64_t *)(levels->data + level * levels->stride))[word];
        for (int64_t i = 0; i < n; i++) {
            int32_t sum = 0;
            for (int level = 0; level < LEVEL_BITS; level++)
                sum += (int32_t)__builtin_popcountll(plane[i] & bits[level]) << level;
            sums[i] += sum;
        }
    }
}

/* Where `compare` writes: `sums` is empty without levels. */
typedef struct {
    Array rows, norms, factors, differing, sums;
} Comparison;

static void compare_partition(const Entries *entries, const uint64_t *code, const Array *levels, int64_t words,
                              int64_t at, const Comparison *to)
{
    int64_t n = entries->count;
    const char *norms = entries->planes + 8 * words * n;
    memcpy(to->norms.data + 2 * at, norms, (size_t)n * 2);
    memcpy(to->factors.data + 2 * at, norms + 2 * n, (size_t)n * 2);
    memcpy(to->rows.data + 4 * at, norms + 4 * n, (size_t)n * 4);
    count_differing(entries->planes, code, words, n, (uint16_t *)to->differing.data + at);
    if (to->sums.data)
        sum_levels(entries->planes, levels, words, n, (int32_t *)to->sums.data + at);
}

static PyObject *compare(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Array section, starts, first, partitions, code, levels = {0};
    Comparison to = {.sums = {0}};
    if (count_arguments(given, 11) || take(&arrays, args[0], "B", 1, 0, &section) ||
        take(&arrays, args[1], "lq", 1, 0, &starts) || take(&arrays, args[2], "lq", 1, 0, &first) ||
        take(&arrays, args[3], "lq", 1, 0, &partitions) || take(&arrays, args[4], "LQ", 1, 0, &code) ||
        (args[5] != Py_None &&
         (take(&arrays, args[5], "LQ", 2, 0, &levels) || take(&arrays, args[10], "i", 1, 1, &to.sums))) ||
        take(&arrays, args[6], "I", 1, 1, &to.rows) || take(&arrays, args[7], "e", 1, 1, &to.norms) ||
        take(&arrays, args[8], "e", 1, 1, &to.factors) || take(&arrays, args[9], "H", 1, 1, &to.differing))
        return finish(&arrays, NULL, NULL);
    int64_t n = partitions.size, words = code.size, count = to.rows.size, found = 0;
    if (refuse(to.norms.size != count || to.factors.size != count || to.differing.size != count ||
                   (levels.data && (levels.rows != LEVEL_BITS || levels.columns != words || to.sums.size != count)),
               "the arrays do not have the same entries, words and levels"))
        return finish(&arrays, NULL, NULL);
    Entries *probed = malloc((size_t)n * sizeof *probed + 1);
    if (!probed) {
        PyErr_NoMemory();
        return finish(&arrays, NULL, NULL);
    }
    for (int64_t i = 0; i < n; found += probed[i++].count)
        if (refuse(entries_of(&section, &starts, &first, ((const int64_t *)partitions.data)[i], words, &probed[i]),
                   "a partition is outside of the section"))
            return finish(&arrays, probed, NULL);
    if (refuse(found != count || 64 * words > UINT16_MAX, "the arrays do not have the entries of the partitions"))
        return finish(&arrays, probed, NULL);
    PyThreadState *state = PyEval_SaveThread();
    for (int64_t i = 0, at = 0; i < n; at += probed[i++].count)
        compare_partition(&probed[i], (const uint64_t *)code.data, &levels, words, at, &to);
    PyEval_RestoreThread(state);
    return finish(&arrays, probed, Py_NewRef(Py_None));
}
