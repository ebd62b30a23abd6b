/* Kernels of a search; each has a twin in numpy. */
#define Py_LIMITED_API 0x030C0000
#include <Python.h>

static PyObject *one(PyObject *self, PyObject *ignored) {
    (void)self;
    (void)ignored;
    return PyLong_FromLong(1);
}

static PyMethodDef methods[] = {{"one", one, METH_NOARGS, "Return 1."}, {NULL, NULL, 0, NULL}};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "native", .m_methods = methods, .m_slots = slots};

PyMODINIT_FUNC PyInit_native(void) { return PyModuleDef_Init(&module); }
