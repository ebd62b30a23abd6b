/* range_numbers: which rows a request for a range reads together. Its twin is in range_numbers.py. */
#pragma once
#include "arguments.h"

#define FAR (1LL << 61) /* bytes between a row and one that does not exist */

/* Where the rows of a list are. `rank` and `before` and `after` have n + 2 places: one before the first row in the
 * order of the file, one for each row, and one behind the last. */
typedef struct {
    int64_t n, row_bytes, reach, page;
    const int64_t *rows, *by_row; /* the rows, best first, and their ranks in the order of the file */
    int64_t *numbers, *costs;
    int32_t *place, *before, *after;
} List;

static int64_t bytes_between(const List *list, int32_t from, int32_t to)
{
    if (from == 0 || to == list->n + 1)
        return FAR;
    return (list->rows[list->by_row[to - 1]] - list->rows[list->by_row[from - 1]]) * list->row_bytes;
}

/* Link each place to the nearest ones before and after it whose rows are better; -1 if a rank is not in the list. */
static int link_to_better(List *list)
{
    for (int64_t i = 0; i <= list->n + 1; i++)
        list->before[i] = (int32_t)i - 1, list->after[i] = (int32_t)i + 1;
    memset(list->place, 0, (size_t)list->n * sizeof *list->place);
    for (int64_t i = 0; i < list->n; i++) {
        int64_t rank = list->by_row[i];
        if (rank < 0 || rank >= list->n || list->place[rank])
            return -1;
        list->place[rank] = (int32_t)i + 1;
    }
    for (int64_t rank = list->n - 1; rank >= 0; rank--) { /* the worst first: what remains is better */
        int32_t at = list->place[rank];
        list->after[list->before[at]] = list->after[at];
        list->before[list->after[at]] = list->before[at];
    }
    return 0;
}

static void number_ranges(List *list)
{
    int64_t count = 0;
    for (int64_t rank = 0; rank < list->n; rank++) {
        int32_t at = list->place[rank], before = list->before[at], after = list->after[at];
        int64_t to_before = bytes_between(list, before, at), to_after = bytes_between(list, at, after);
        int64_t number = count, nearest = to_before < to_after ? to_before : to_after;
        if (to_before <= list->reach && list->numbers[list->by_row[before - 1]] < number)
            number = list->numbers[list->by_row[before - 1]];
        if (to_after <= list->reach && list->numbers[list->by_row[after - 1]] < number)
            number = list->numbers[list->by_row[after - 1]];
        list->numbers[rank] = number;
        if (nearest > list->reach)
            count++, list->costs[rank] = list->row_bytes + list->page;
        else
            list->costs[rank] = nearest > list->row_bytes ? nearest : list->row_bytes;
    }
}

static PyObject *range_numbers(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    Arrays arrays = {.count = 0};
    Array rows, by_row, numbers, costs;
    if (count_arguments(given, 7))
        return NULL;
    List list = {.row_bytes = PyLong_AsLongLong(args[2]), .reach = PyLong_AsLongLong(args[3])};
    list.page = PyLong_AsLongLong(args[4]);
    if (PyErr_Occurred() || take(&arrays, args[0], "lq", 2, 0, &rows) || take(&arrays, args[1], "lq", 2, 0, &by_row) ||
        take(&arrays, args[5], "lq", 2, 1, &numbers) || take(&arrays, args[6], "lq", 2, 1, &costs))
        return finish(&arrays, NULL, NULL);
    list.n = rows.columns;
    const Array *others[] = {&by_row, &numbers, &costs};
    for (int i = 0; i < 3; i++)
        if (refuse(others[i]->rows != rows.rows || others[i]->columns != rows.columns || list.n > INT32_MAX - 2,
                   "the arrays do not have the same shape"))
            return finish(&arrays, NULL, NULL);
    int32_t *scratch = malloc((size_t)(3 * list.n + 4) * sizeof *scratch);
    if (!scratch) {
        PyErr_NoMemory();
        return finish(&arrays, NULL, NULL);
    }
    list.place = scratch, list.before = scratch + list.n, list.after = list.before + list.n + 2;
    int wrong = 0;
    PyThreadState *state = PyEval_SaveThread();
    for (int64_t i = 0; i < rows.rows && !wrong; i++) {
        list.rows = (const int64_t *)(rows.data + i * rows.stride);
        list.by_row = (const int64_t *)(by_row.data + i * by_row.stride);
        list.numbers = (int64_t *)(numbers.data + i * numbers.stride);
        list.costs = (int64_t *)(costs.data + i * costs.stride);
        wrong = link_to_better(&list);
        if (!wrong)
            number_ranges(&list);
    }
    PyEval_RestoreThread(state);
    refuse(wrong, "`by_row` does not have each rank once");
    return finish(&arrays, scratch, Py_NewRef(Py_None));
}
