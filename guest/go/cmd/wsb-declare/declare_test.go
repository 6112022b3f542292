package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A module that exports a function "f" and a memory "m".
const module = "\x00asm\x01\x00\x00\x00" +
	"\x01\x07\x01\x60\x02\x7f\x7f\x01\x7e" +
	"\x03\x02\x01\x00" +
	"\x05\x03\x01\x00\x01" +
	"\x07\x09\x02\x01f\x00\x00\x01m\x02\x00" +
	"\x0a\x06\x01\x04\x00\x42\x00\x0b"

func TestExportsAndSections(t *testing.T) {
	if exported, err := exportedFunctions([]byte(module)); err != nil || len(exported) != 1 || exported[0] != "f" {
		t.Error(exported, err)
	}
	once, err := withSection([]byte(module), []byte("1:f:buffer:json\x00"))
	if err != nil || !strings.HasSuffix(string(once), "\x0cwasm_sandbox1:f:buffer:json\x00") {
		t.Fatal(err)
	}
	if twice, err := withSection(once, []byte("1:f:buffer:json\x00")); err != nil || string(twice) != string(once) {
		t.Error("a section that was there is not replaced", err)
	}
}

func TestBrokenModulesAreRefused(t *testing.T) {
	for end := 0; end < len(module); end++ {
		_, _ = exportedFunctions([]byte(module[:end])) // Cut between sections it is a module.
		_, _ = withSection([]byte(module[:end]), nil)
	}
	for _, broken := range []string{"", "\x00asm", module + "\x00", module + "\x00\x05", module + "\x00\x01\x09",
		module + "\x07\xff\xff\xff\xff\xff\x7f", module[:8] + "\x07\x03\x02\x01f"} {
		_, failed := exportedFunctions([]byte(broken))
		if _, err := withSection([]byte(broken), nil); err == nil && failed == nil {
			t.Errorf("%q", broken)
		}
	}
}

func TestFunctionsAreFoundInSources(t *testing.T) {
	const good = "//go:wasmexport f\n//wsb:json\nfunc f(data, size uint32) uint64 { return 0 }"
	found, err := readFile("x.go", "package x\n"+good+"\n//go:wasmexport g\nfunc g(a int32) {}\nfunc h() {}")
	if err != nil || string(records(found)) != "1:f:buffer:json\x00" {
		t.Error(found, err)
	}
	for wrong, message := range map[string]string{
		strings.Replace(good, "json", "xml", 1):              "json, msgpack or bytes",
		strings.Replace(good, "//go:wasmexport f\n", "", 1):  "no //go:wasmexport",
		strings.Replace(good, "size uint32", "size int", 1):  "must be func",
		strings.Replace(good, "data, size", "data", 1):       "must be func",
		strings.Replace(good, "json", "json\n//wsb:json", 1): "two encodings",
		strings.Replace(good, "export f", "export é", 1):     "not plain ASCII",
		good + "\n\n//wsb:json\nvar x int":                   "not in the comment of a function",
		"func {":                                             "expected",
	} {
		if _, err := readFile("x.go", "package x\n"+wrong); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestAModuleIsDeclaredInPlace(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "x.wasm")
	source := "package x\n//go:wasmexport f\n//wsb:bytes\nfunc f(data, size uint32) uint64 { return 0 }\n"
	for name, content := range map[string]string{"x.wasm": module, "x.go": source, "x_test.go": "package x\nfunc {"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := declare(path, []string{folder}); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(string(written), "1:f:buffer:bytes\x00") {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "x.go"), []byte(strings.ReplaceAll(source, " f", " g")), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := declare(path, []string{folder}); err == nil || !strings.Contains(err.Error(), "not among the functions") {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "x.wasm.*")); len(left) > 0 {
		t.Error(left)
	}
}
