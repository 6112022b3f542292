"""`wasm-sandbox run`: what the guest gets, and that it gets nothing else."""

import os
import time

from support import *


class GrantsTest(ToolTest):
    def test_arguments_after_program_are_the_guests(self):
        args = ["args", "--memory", "-h", "--", "--help", "a b", ""]
        outcome = self.check(self.run_tool([], *args), 0)
        self.assertEqual(outcome.text, "\n".join(["tool.wasm", *args]) + "\n")

    def test_two_dashes_end_the_options(self):
        os.symlink(self.tool, self.path("--odd.wasm"))
        outcome = self.check(self.sandbox("run", "--", "--odd.wasm", "args"), 0)
        self.assertEqual(outcome.text, "--odd.wasm\nargs\n")

    def test_argv0(self):
        outcome = self.check(self.run_tool(["--argv0", "other"], "args"), 0)
        self.assertEqual(outcome.text, "other\nargs\n")

    def test_no_environment_unless_given(self):
        outcome = self.check(self.run_tool([], "env", env={"SECRET": "x"}), 0)
        self.assertEqual(outcome.out, b"")

    def test_environment(self):
        options = ["--env", "A=1", "--env=B=x=y", "--env", "MINE", "--env", "EMPTY="]
        outcome = self.check(self.run_tool(options, "env", env={"MINE": "passed on"}), 0)
        self.assertEqual(sorted(outcome.text.splitlines()),
                         ["A=1", "B=x=y", "EMPTY=", "MINE=passed on"])

    def test_no_files_unless_given(self):
        self.write("a.txt", "secret")
        for path in ("a.txt", "./a.txt", self.path("a.txt"), "/etc/passwd", "/", "."):
            outcome = self.run_tool([], "cat", path)
            self.check(outcome, 1)
            self.assertEqual(outcome.out, b"")

    def test_read_only_directory(self):
        self.write("data/a.txt", "content")
        options = ["--dir", "data"]
        self.assertEqual(self.check(self.run_tool(options, "cat", "data/a.txt"), 0).text, "content")
        self.assertEqual(self.check(self.run_tool(options, "list", "data"), 0).text.split()[-1],
                         "a.txt")
        for change in (["write", "data/a.txt", "x"], ["write", "data/new", "x"],
                       ["delete", "data/a.txt"], ["mkdir", "data/d"],
                       ["rename", "data/a.txt", "data/b"], ["symlink", "x", "data/s"],
                       ["link", "data/a.txt", "data/l"]):
            self.check(self.run_tool(options, *change), 1)
        self.assertEqual(os.listdir(self.path("data")), ["a.txt"])
        self.assertEqual(self.read("data/a.txt"), b"content")

    def test_read_write_directory(self):
        os.mkdir(self.path("data"))
        options = ["--dir-rw=data::/out"]
        self.check(self.run_tool(options, "write", "/out/a", "text"), 0)
        self.assertEqual(self.read("data/a"), b"text")
        self.check(self.run_tool(options, "rename", "/out/a", "/out/b"), 0)
        self.check(self.run_tool(options, "mkdir", "/out/d"), 0)
        self.check(self.run_tool(options, "delete", "/out/b"), 0)
        self.assertEqual(os.listdir(self.path("data")), ["d"])

    def test_several_directories_under_other_names(self):
        self.write("one/a", "1")
        self.write("two/a", "2")
        options = ["--dir", "one::/x", "--dir", "two::/y"]
        self.assertEqual(self.check(self.run_tool(options, "cat", "/x/a"), 0).text, "1")
        self.assertEqual(self.check(self.run_tool(options, "cat", "/y/a"), 0).text, "2")
        self.check(self.run_tool(options, "cat", "one/a"), 1)

    def test_a_file_is_no_directory(self):
        path = self.write("a.txt", "x")
        outcome = self.run_tool(["--dir", path], "args")
        self.check(outcome, 125, "a.txt")

    def test_clock_and_random(self):
        now = int(self.check(self.run_tool([], "time"), 0).text)
        self.assertLess(abs(now - time.time()), 60)
        self.assertNotEqual(self.run_tool([], "random").out, self.run_tool([], "random").out)

    def test_seed(self):
        one = self.check(self.run_tool(["--seed", "7"], "random"), 0)
        self.assertEqual(one.out, self.run_tool(["--seed=7"], "random").out)
        self.assertNotEqual(one.out, self.run_tool(["--seed", "8"], "random").out)


class StreamsTest(ToolTest):
    def test_stdin_is_inherited(self):
        self.assertEqual(self.check(self.run_tool([], "stdin", input="abc\n"), 0).text, "abc\n")

    def test_stdin_from_file(self):
        path = self.write("in.txt", b"\0\xff" * 100000)
        outcome = self.check(self.run_tool(["--stdin", path], "stdin"), 0)
        self.assertEqual(outcome.out, b"\0\xff" * 100000)

    def test_stdin_from_fifo_and_null(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        process = self.start("run", "--stdin", fifo, self.tool, "stdin")
        with open(fifo, "wb") as file:
            file.write(b"through a fifo")
        out, _ = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (0, b"through a fifo"))
        self.assertEqual(self.check(self.run_tool(["--stdin", "/dev/null"], "stdin"), 0).out, b"")

    def test_stdin_cannot_be_a_directory(self):
        self.check(self.run_tool(["--stdin", self.folder], "stdin"), 125, "is a directory")

    def operands(self):
        return with_engine(["run", self.tool])[1:]

    def test_closed_standard_streams_are_not_replaced_by_other_files(self):
        done = subprocess.run(
            ["sh", "-c", '"$0" run "$@" stdin <&- 2>err', COMMAND, *self.operands()],
            cwd=self.folder, env=self.environment(), capture_output=True, timeout=60)
        self.assertEqual(done.stdout, b"")
        done = subprocess.run(
            ["sh", "-c", '"$0" run "$@" args >&-', COMMAND, *self.operands()],
            cwd=self.folder, env=self.environment(), capture_output=True, timeout=60)
        self.assertNotIn(b"internal", done.stderr)

    def test_large_output_arrives_whole(self):
        outcome = self.check(self.run_tool([], "flood", str(10_000_000)), 0)
        self.assertEqual(len(outcome.out), 10_000_000)
        outcome = self.check(self.run_tool(["--max-output", "unlimited"], "flood", "40000000"), 0)
        self.assertEqual(len(outcome.out), 40_000_000)

    def test_output_that_is_cut_is_told_even_where_the_guest_succeeds(self):
        outcome = self.run_tool(["--max-output", "100KB"], "flood", "1000000")
        self.assertEqual(outcome.status, 1, outcome)
        self.assertLessEqual(len(outcome.out), 100_000)
        self.assertIn("--max-output", outcome.messages)
        quiet = self.wat("quiet.wat", hello("some text\n"))
        outcome = self.check(self.sandbox("run", "--max-output", "4B", quiet), 0, "--max-output")
        self.assertLessEqual(len(outcome.out), 4)

    def test_default_output_limit(self):
        outcome = self.run_tool([], "flood", str(20_000_000))
        self.assertEqual(outcome.status, 1, outcome)
        self.assertLessEqual(len(outcome.out), 16 * 1024 * 1024)
        self.assertIn("allows 16 MiB", outcome.messages)

    def test_a_reader_that_went_away(self):
        process = self.start("run", self.tool, "flood", "10000000")
        process.stdout.read(10)
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(60), 1, err)
        self.assertNotIn(b"internal", err)


class LimitsTest(ToolTest):
    def test_max_files(self):
        self.write("data/a", "x")
        options = ["--dir", "data"]
        self.assertEqual(self.check(self.run_tool(options, "many", "data/a", "10"), 0).text, "10\n")
        outcome = self.run_tool([*options, "--max-files", "5"], "many", "data/a", "10")
        self.check(outcome, 1, "--max-files allows 5")
        self.assertEqual(outcome.text, "5\n")
        outcome = self.run_tool([*options, "--max-files", "0"], "many", "data/a", "1")
        self.assertEqual((outcome.status, outcome.text), (1, "0\n"))

    def test_max_read_and_write(self):
        self.write("data/a", "x" * 5000)
        self.check(self.run_tool(["--dir", "data", "--max-read", "1KB"], "cat", "data/a"), 1,
                   "--max-read allows 1000 B")
        self.check(self.run_tool(["--dir-rw", "data", "--max-write", "3B"], "write", "data/b",
                                 "too much"), 1, "--max-write allows 3 B")

    def test_max_table(self):
        guest = self.wat("table.wat", program("", imports='(table 1000 funcref)'))
        self.check(self.sandbox("run", guest), 0)
        self.check(self.sandbox("run", "--max-table", "10", guest), 125, "--max-table")

    def test_stack(self):
        guest = self.wat("deep.wat", """(module
            (func $f (param i32) (if (local.get 0)
                (then (call $f (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "_start") (call $f (i32.const 20000))))""")
        self.check(self.sandbox("run", "--stack", "2MiB", guest), 0)
        self.check(self.sandbox("run", "--stack", "64KiB", guest), 134)

    def test_no_time_limit_unless_asked(self):
        outcome = self.check(self.run_tool(["--usage=json"], "args"), 0)
        self.assertIsNone(outcome.report["limits"]["max_wall_time_ns"])
        self.assertIsNone(outcome.report["limits"]["max_cpu_time_ns"])
        outcome = self.check(self.run_tool(["--usage=json", "--timeout", "1.5min"], "args"), 0)
        self.assertEqual(outcome.report["limits"]["max_wall_time_ns"], 90_000_000_000)

    def test_a_sleeping_guest_is_woken(self):
        begin = time.monotonic()
        self.check(self.run_tool(["--timeout", "200ms"], "sleep", "60000"), 124)
        self.assertLess(time.monotonic() - begin, 30)


class ReportTest(ToolTest):
    def test_usage_for_people(self):
        outcome = self.check(self.run_tool(["--usage"], "args"), 0)
        for text in ("usage of", "ended", "exit, status 0", "memory", "of 64 MiB", "cpu time",
                     "wall time", "no limit", "output", "written", "host calls"):
            self.assertIn(text, outcome.messages)

    def test_usage_json(self):
        self.write("data/a", "x" * 1234)
        outcome = self.check(self.run_tool(["--usage=json", "--dir", "data"], "cat", "data/a"), 0)
        report = outcome.report
        self.assertEqual(report["ended"], "exit")
        self.assertEqual(report["usage"]["bytes_read"], 1234)
        self.assertEqual(report["usage"]["output_bytes"], 1234)
        self.assertGreater(report["usage"]["memory"], 0)
        self.assertGreater(report["usage"]["host_calls"], 3)
        self.assertEqual(report["limits"]["max_memory"], 64 * 1024 * 1024)
        self.assertEqual(report["engine"], engine_features()[0])
        self.assertEqual(report["refused"], [])

    def test_refusals_are_told_where_the_guest_fails(self):
        os.mkdir(self.path("data"))
        outcome = self.run_tool(["--dir", "data"], "write", "data/x\x1b[31m", "text")
        self.check(outcome, 1, "note: the guest's path_open", "was refused", "--dir-rw")
        self.assertNotIn("\x1b", outcome.messages)
        outcome = self.run_tool(["--dir", "data", "--usage=json"], "write", "data/x", "text")
        self.assertEqual(outcome.report["refused"][0]["subject"], "filesystem")

    def test_no_home_is_no_problem(self):
        env = {"HOME": None, "XDG_CACHE_HOME": None}
        outcome = self.check(self.run_tool([], "args", env=env), 0)
        self.assertEqual(outcome.messages, "")
        self.write("file", "")
        env = {"HOME": None, "XDG_CACHE_HOME": self.path("file")}
        outcome = self.check(self.run_tool([], "args", env=env), 0)
        self.assertEqual(outcome.messages, "")
        self.check(self.run_tool(["--verbose"], "args", env=env), 0, "not kept")


if __name__ == "__main__":
    main()
