"""SIGINT and SIGTERM."""

import os
import time

from support import *


class InterruptTest(ToolTest):
    def interrupt(self, number, *args, guest=None):
        """Waits for the guest's first line, then signals."""
        process = self.start("run", "--usage=json", *args)
        process.stdout.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        return Outcome(process.returncode, out, err)

    def test_a_computing_guest(self):
        guest = self.wat("endless.wat", READY_AND_ENDLESS)
        for number in (signal.SIGINT, signal.SIGTERM):
            outcome = self.check(self.interrupt(number, guest), 130)
            self.assertEqual(outcome.report["ended"], "interrupted")
            self.assertGreater(outcome.report["usage"]["host_calls"], 0)

    def test_two_signals_at_once(self):
        """Whether the guest or the command ends first, the status is the same."""
        process = self.start("run", self.wat("endless.wat", READY_AND_ENDLESS))
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)

    def test_a_sleeping_guest(self):
        begin = time.monotonic()
        outcome = self.check(self.interrupt(signal.SIGINT, self.tool, "sleep", "60000"), 130)
        self.assertEqual(outcome.report["ended"], "interrupted")
        self.assertLess(time.monotonic() - begin, 30)

    def test_a_guest_that_waits_for_input(self):
        read_end, write_end = os.pipe()
        source = hello("ready\n").rstrip()[:-1] + ")"
        guest = self.wat("waits.wat", source.replace(
            '(i32.const 8)))', '(i32.const 8))) (i32.store (i32.const 4) (i32.const 1)) '
            '(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))', 1))
        process = self.start("run", guest, stdin=read_end)
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        os.close(read_end)
        os.close(write_end)
        self.assertEqual(process.returncode, 130)

    def test_a_guest_whose_output_nobody_reads(self):
        process = self.start("run", "--max-output", "unlimited", self.tool, "flood", "100000000")
        process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 130)
        process.stdout.close()
        process.stderr.close()

    def test_ignored_signals_stay_ignored(self):
        """As nohup and a shell's background jobs want it."""
        process = self.start("run", "--timeout", "500ms", self.wat("e.wat", READY_AND_ENDLESS),
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 124)


if __name__ == "__main__":
    main()
