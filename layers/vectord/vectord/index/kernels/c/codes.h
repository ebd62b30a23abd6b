/* least_different: the rows whose codes differ least from a query. Its twin is in sections/parts.py. */
#pragma once
#include "arguments.h"
#include "selection.h"

typedef uint64_t u64_in_memory __attribute__((aligned(1), may_alias));
typedef uint32_t u32_in_memory __attribute__((aligned(1), may_alias));

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

static PyObject *least_different(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Array section, starts, counts, residual, hidden = {0}, out;
    if (count_arguments(given, 7))
        return NULL;
    int64_t wanted = PyLong_AsLongLong(args[5]);
    if (PyErr_Occurred() || take(&arrays, args[0], "B", 1, 0, &section) ||
        take(&arrays, args[1], "lq", 1, 0, &starts) || take(&arrays, args[2], "lq", 1, 0, &counts) ||
        take(&arrays, args[3], "f", 1, 0, &residual) ||
        (args[4] != Py_None && take(&arrays, args[4], "?", 1, 0, &hidden)) || take(&arrays, args[6], "lq", 1, 1, &out))
        return finish(&arrays, NULL, NULL);
    const int64_t *start = (const int64_t *)starts.data, *count = (const int64_t *)counts.data;
    int64_t words = (residual.columns + 63) / 64, most = 64 * words, entries = 0, outside = starts.size != counts.size;
    for (int64_t i = 0; i < starts.size && !outside; entries += count[i++])
        outside = start[i] < 0 || start[i] > section.size || count[i] < 0 ||
                  count[i] > (section.size - start[i]) / (8 * words + 8);
    if (refuse(outside || most > UINT16_MAX || out.size < entries, "a partition is outside of the section, or `out` is short"))
        return finish(&arrays, NULL, NULL);
    char *scratch = calloc(1, (size_t)(words + most + 1) * 8 + (size_t)entries * (4 + 4 + 2) + 8);
    if (!scratch) {
        PyErr_NoMemory();
        return finish(&arrays, NULL, NULL);
    }
    uint64_t *code = (uint64_t *)scratch;
    int64_t *seen = (int64_t *)(code + words), found = 0, distinct = 0;
    uint32_t *rows = (uint32_t *)(seen + most + 1), *other = rows + entries;
    uint16_t *differing = (uint16_t *)(other + entries), *at = differing;
    int beyond = 0;
    PyThreadState *state = PyEval_SaveThread();
    for (int64_t i = 0; i < residual.size; i++)
        code[i / 64] |= (uint64_t)(((const float *)residual.data)[i] > 0) << i % 64;
    for (int64_t i = 0; i < counts.size; at += count[i++]) {
        const u32_in_memory *of = (const u32_in_memory *)(section.data + start[i] + (8 * words + 4) * count[i]);
        count_differing(section.data + start[i], code, words, count[i], at);
        for (int64_t j = 0; hidden.data && j < count[i]; j++) {
            beyond |= of[j] >= hidden.size;
            if (of[j] < hidden.size && hidden.data[of[j]])
                at[j] = (uint16_t)(most + 1);
        }
        for (int64_t j = 0; j < count[i]; j++)
            seen[at[j] <= most ? at[j] : 0] += at[j] <= most;
    }
    int64_t limit = limit_of(seen, most, wanted);
    at = differing;
    for (int64_t i = 0; i < counts.size; at += count[i++]) {
        const u32_in_memory *of = (const u32_in_memory *)(section.data + start[i] + (8 * words + 4) * count[i]);
        for (int64_t j = 0; j < count[i]; j++) {
            rows[found] = of[j];
            found += at[j] <= limit;
        }
    }
    sort(rows, other, found);
    for (int64_t i = 0; i < found; i++)
        if (!i || rows[i] != rows[i - 1])
            ((int64_t *)out.data)[distinct++] = rows[i];
    PyEval_RestoreThread(state);
    refuse(beyond, "a row is outside of `hidden`");
    return finish(&arrays, scratch, PyLong_FromLongLong(distinct));
}
