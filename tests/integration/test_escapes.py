"""A guest with one directory tries to get out of it, through the command."""

import os

from support import *


class EscapeTest(ToolTest):
    def setUp(self):
        super().setUp()
        self.write("secret/key", "SECRET")
        self.write("data/a.txt", "allowed")
        self.options = ["--dir-rw", self.path("data") + "::/data"]

    def refused(self, *args):
        outcome = self.run_tool(self.options, *args)
        self.assertEqual(outcome.status, 1, outcome)
        self.assertNotIn(b"SECRET", outcome.out)
        self.assertEqual(self.read("secret/key"), b"SECRET")
        return outcome

    def test_the_directory_itself_works(self):
        outcome = self.check(self.run_tool(self.options, "cat", "/data/a.txt"), 0)
        self.assertEqual(outcome.text, "allowed")

    def test_paths_that_lead_out(self):
        for path in ("/data/../secret/key", "/data/a.txt/../../secret/key", "/data/./.././secret/key",
                     self.path("secret/key"), "/secret/key", "/etc/passwd", "/proc/self/environ",
                     "/data//..//secret//key", "../secret/key"):
            self.refused("cat", path)
            self.refused("write", path, "OVERWRITTEN")
            self.refused("delete", path)

    def test_symbolic_links_that_were_there(self):
        os.symlink("../secret", self.path("data", "up"))
        os.symlink(self.path("secret", "key"), self.path("data", "abs"))
        os.symlink("/", self.path("data", "root"))
        os.symlink("/proc/self/root", self.path("data", "magic"))
        for path in ("/data/up/key", "/data/abs", "/data/root" + self.path("secret/key"),
                     "/data/magic" + self.path("secret/key"), "/data/up/../secret/key"):
            self.refused("cat", path)
            self.refused("write", path, "OVERWRITTEN")

    def test_symbolic_links_that_the_guest_makes(self):
        self.run_tool(self.options, "symlink", "../secret/key", "/data/mine")
        self.refused("cat", "/data/mine")
        self.run_tool(self.options, "symlink", self.path("secret"), "/data/folder")
        self.refused("cat", "/data/folder/key")

    def test_links_and_renames_across(self):
        os.mkdir(self.path("other"))
        self.options += ["--dir", self.path("other") + "::/other"]
        self.refused("rename", "/data/a.txt", "/other/a.txt")
        self.refused("link", "/data/a.txt", "/other/a.txt")
        self.refused("rename", "/data/a.txt", "/data/../secret/a.txt")
        self.refused("link", "/data/../secret/key", "/data/stolen")
        self.assertEqual(os.listdir(self.path("other")), [])
        self.assertEqual(os.listdir(self.path("secret")), ["key"])

    def test_a_fifo_does_not_hang(self):
        os.mkfifo(self.path("data", "fifo"))
        outcome = self.run_tool([*self.options, "--timeout", "500ms"], "cat", "/data/fifo",
                                timeout=30)
        self.assertIn(outcome.status, (0, 1, 124), outcome)

    def test_long_names(self):
        for path in ("/data/" + "x" * 300, "/data/" + "y/" * 3000, "/data/" + "../" * 2000 + "etc"):
            self.refused("cat", path)

    def test_the_refusal_says_what_to_do(self):
        self.check(self.refused("write", "/data/../secret/key", "x"), 1)
        self.options = ["--dir", self.path("data") + "::/data"]
        self.check(self.refused("write", "/data/new", "x"), 1, "--dir-rw")


if __name__ == "__main__":
    main()
