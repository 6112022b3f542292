"""Engines that only have a table of functions: enough for what looks at engines and runs nothing."""

import subprocess

(DEADLINE, FUEL, MEMORY_LIMIT, TABLE_LIMIT, STACK_LIMIT, SERIALIZE, POOLING, FIBERS, SIMD,
 REFERENCES, VECTORS, RELAXED_SIMD, TAIL_CALLS, EXCEPTIONS, MEMORY64, NO_SIGNALS) = (
    1 << i for i in range(16))

# Without the headers, as a stranger's older build would have it.
SOURCE_OF_TABLE = """
static void f(void) { }
static struct {
    unsigned long size; unsigned abi_version; const char *id, *version; unsigned features;
    void *functions[21];
} t = {%(size)s, %(abi)d, "%(id)s", "1.2", %(features)d,
       {f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, %(member)s, f}};
void *%(entry)s(void) { return %(gives)s; }
"""


class TableEngines:
    """For a CommandTest."""

    def table_engine(self, id, features=0, abi=2, entry="wsb_engine_entry", gives="&t", member="f",
                     size="sizeof t", name=None):
        """Builds one and returns its path."""
        path = self.path((name or id) + ".so")
        subprocess.run(["cc", "-shared", "-fPIC", "-nostdlib", "-x", "c", "-", "-o", path],
                       input=SOURCE_OF_TABLE % {"id": id, "features": features, "abi": abi,
                                                "entry": entry, "gives": gives, "member": member,
                                                "size": size},
                       text=True, check=True)
        return path


__all__ = [name for name in dir() if not name.startswith("_") and name != "subprocess"]
