"""`wasm-sandbox compile` and the cache: only what this user's key signed is run."""

import os
import stat
import threading

from support import *


class KeptTest(CommandTest):
    """On an engine whose compiled modules can be kept."""

    @needs("serialize")
    def setUp(self):
        super().setUp()


class NotKeptTest(CommandTest):
    """On an engine whose compiled modules cannot be kept: said, and no hindrance."""

    def setUp(self):
        super().setUp()
        engine, features = engine_features()
        if "serialize" in features:
            self.skipTest("the engine %s has serialize" % engine)
        self.engine = engine
        self.guest = self.wat("hello.wat", hello())

    def test_compile_is_refused(self):
        out = self.path("hello.cwasm")
        self.check(self.sandbox("compile", self.guest, "-o", out), 125, self.engine)
        self.assertFalse(os.path.exists(out))

    def test_run_works(self):
        for _ in range(2):
            outcome = self.check(self.sandbox("run", self.guest), 0)
            self.assertEqual((outcome.text, outcome.messages), ("hello\n", ""))


class CompileTest(KeptTest):
    def setUp(self):
        super().setUp()
        self.guest = self.wat("hello.wat", hello())
        self.cache = self.path("cache")
        self.env = {"XDG_CACHE_HOME": self.cache}

    def compile(self, *options, env=None):
        out = self.path("hello.cwasm")
        self.check(self.sandbox("compile", *options, self.guest, "-o", out, env=env or self.env), 0)
        return out

    def test_compiled_module_runs(self):
        out = self.compile()
        self.assertEqual(self.check(self.sandbox("run", out, env=self.env), 0).text, "hello\n")
        self.assertEqual(self.check(self.sandbox("run", "--no-cache", out, env=self.env), 0).text,
                         "hello\n")
        self.assertEqual(sorted(os.listdir(self.folder)), ["cache", "hello.cwasm", "hello.wat"])

    def test_output_option_has_two_forms(self):
        out = self.path("b.cwasm")
        self.check(self.sandbox("compile", "--output=" + out, self.guest, env=self.env), 0)
        self.check(self.sandbox("run", out, env=self.env), 0)
        self.check(self.sandbox("compile", self.guest, "-o", self.path("no", "where"),
                                env=self.env), 125, "cannot be written")

    def test_compiled_library_is_called(self):
        self.guest = self.wat("math.wat", MATH)
        out = self.compile()
        self.assertEqual(self.check(self.sandbox("call", out, "add", "2", "3", env=self.env),
                                    0).text, "5\n")
        options = ["--engine", ENGINE] if ENGINE else []
        outcome = self.sandbox("inspect", *options, out, env=self.env)
        self.assertIn("divmod", self.check(outcome, 0).text)

    def test_with_fuel(self):
        out = self.compile("--fuel", "1000000")
        self.check(self.sandbox("run", "--fuel", "1000000", out, env=self.env), 0)

    def test_altered_bytes_are_refused(self):
        out = self.compile()
        good = self.read("hello.cwasm")
        steps = {0, 1, 8, 20, len(good) // 2, len(good) - 40, len(good) - 1}
        for at in sorted(steps):
            bad = bytearray(good)
            bad[at] ^= 1
            self.write("hello.cwasm", bytes(bad))
            outcome = self.sandbox("run", out, env=self.env)
            self.assertIn(outcome.status, (125, 126), outcome)
            self.assertEqual(outcome.out, b"")
            if at > 20:
                self.check(outcome, 125)
        for bad in (good[:-1], good + b"x", good[: len(good) // 2]):
            self.write("hello.cwasm", bad)
            self.check(self.sandbox("run", out, env=self.env), 125)

    def test_another_users_key_is_refused(self):
        out = self.compile()
        other = {"XDG_CACHE_HOME": self.path("other")}
        self.check(self.sandbox("run", out, env=other), 125)
        nobody = {"XDG_CACHE_HOME": None, "HOME": None}
        outcome = self.sandbox("run", out, env=nobody)
        self.assertIn(outcome.status, (125, 126), outcome)
        self.assertEqual(outcome.out, b"")

    def test_without_a_key_nothing_can_be_compiled_to_a_file(self):
        outcome = self.sandbox("compile", self.guest, "-o", self.path("x.cwasm"),
                               env={"XDG_CACHE_HOME": None, "HOME": None})
        self.check(outcome, 125)
        self.assertFalse(os.path.exists(self.path("x.cwasm")))

    def test_an_older_file_survives_a_failure(self):
        out = self.write("hello.cwasm", "old")
        bad = self.write("bad.wasm", "not a module")
        self.check(self.sandbox("compile", bad, "-o", out, env=self.env), 126)
        self.assertEqual(self.read("hello.cwasm"), b"old")


class CacheTest(KeptTest):
    def setUp(self):
        super().setUp()
        self.guest = self.wat("hello.wat", hello())
        self.cache = self.path("cache")
        self.env = {"XDG_CACHE_HOME": self.cache}

    def entries(self):
        folder = os.path.join(self.cache, "wasm-sandbox", "code")
        found = []
        for at, _, names in os.walk(folder):
            found += [os.path.join(at, name) for name in names if not name.startswith(".")]
        return [path for path in found if os.path.getsize(path) > 100]

    def test_key_and_entries_are_the_users_own(self):
        self.check(self.sandbox("run", self.guest, env=self.env), 0)
        key = os.path.join(self.cache, "wasm-sandbox", "key")
        self.assertEqual(stat.S_IMODE(os.stat(key).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.cache, "wasm-sandbox", "code"))
                                      .st_mode), 0o700)
        self.assertTrue(self.entries())

    def test_no_cache(self):
        self.check(self.sandbox("run", "--no-cache", self.guest, env=self.env), 0)
        self.assertEqual(self.entries(), [])

    def test_a_damaged_entry_is_made_again(self):
        self.check(self.sandbox("run", self.guest, env=self.env), 0)
        for path in self.entries():
            with open(path, "r+b") as file:
                file.seek(os.path.getsize(path) // 2)
                file.write(b"\xff" * 64)
        self.assertEqual(self.check(self.sandbox("run", self.guest, env=self.env), 0).text,
                         "hello\n")
        for path in self.entries():
            os.truncate(path, 10)
        self.assertEqual(self.check(self.sandbox("run", self.guest, env=self.env), 0).text,
                         "hello\n")

    def test_a_foreign_entry_is_not_run(self):
        """An entry of another key, put in the place of ours."""
        other = {"XDG_CACHE_HOME": self.path("other")}
        self.check(self.sandbox("run", self.guest, env=self.env), 0)
        mine = self.entries()
        self.cache = self.path("other")
        self.check(self.sandbox("run", self.guest, env=other), 0)
        theirs = self.entries()
        for ours, foreign in zip(sorted(mine), sorted(theirs)):
            with open(foreign, "rb") as file:
                content = file.read()
            with open(ours, "wb") as file:
                file.write(content)
        self.assertEqual(self.check(self.sandbox("run", self.guest, env=self.env), 0).text,
                         "hello\n")

    def test_a_key_that_others_can_read_is_not_used(self):
        self.check(self.sandbox("run", self.guest, env=self.env), 0)
        os.chmod(os.path.join(self.cache, "wasm-sandbox", "key"), 0o644)
        self.check(self.sandbox("run", "--verbose", self.guest, env=self.env), 0, "not kept")

    def test_several_processes_at_once(self):
        outcomes = []

        def run(index):
            guest = os.path.join(self.folder, "g%d.wat" % (index % 3))
            outcomes.append(self.sandbox("run", guest, env=self.env))

        for index in range(3):
            self.wat("g%d.wat" % index, hello("hello %d\n" % index))
        for _ in range(2):
            threads = [threading.Thread(target=run, args=(i,)) for i in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(len(outcomes), 12)
        for outcome in outcomes:
            self.check(outcome, 0)
            self.assertRegex(outcome.text, r"^hello [012]\n$")
            self.assertEqual(outcome.messages, "")


if __name__ == "__main__":
    main()
