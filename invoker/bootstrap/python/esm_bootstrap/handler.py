"""Finding the handler that "module.function" names."""

import importlib
import sys

from .faults import Fault


def load(name):
    """Imports the module and returns the function. The module may be a path: "pkg/app.handler"."""
    try:
        module_name, function_name = name.rsplit(".", 1)
    except ValueError as e:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': %s" % (name, e))
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault(
            "Runtime.BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % module_name
        )
    module = _import(module_name)
    if not hasattr(module, function_name):
        raise Fault("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name))
    return getattr(module, function_name)


def _import(module_name):
    try:
        return importlib.import_module(module_name.replace("/", "."))
    except ImportError as e:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, e))
    except SyntaxError as e:
        where = '  File "%s" Line %s\n    %s' % (e.filename, e.lineno, e.text)
        raise Fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, e), [where])
