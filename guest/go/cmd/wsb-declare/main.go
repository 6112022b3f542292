// Command wsb-declare tells a host how the functions of a guest are called. The Go compiler cannot
// write the custom section for that, so this does, after the build:
//
//	wsb-declare MODULE.wasm [FOLDER…]
//
// It reads the Go files in the folders (the present one, unless told otherwise) that belong to
// GOOS=wasip1 GOARCH=wasm. A function with //go:wasmexport and one of //wsb:json, //wsb:msgpack and
// //wsb:bytes in its comment is declared; it must take (data, size uint32) and give uint64.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) < 2 || strings.HasPrefix(os.Args[1], "-") {
		fmt.Fprintln(os.Stderr, "usage: wsb-declare MODULE.wasm [FOLDER…]")
		os.Exit(2)
	}
	folders := os.Args[2:]
	if len(folders) == 0 {
		folders = []string{"."}
	}
	if err := declare(os.Args[1], folders); err != nil {
		fmt.Fprintln(os.Stderr, "wsb-declare:", err)
		os.Exit(1)
	}
}

func declare(path string, folders []string) error {
	var functions []function
	for _, folder := range folders {
		found, err := readFolder(folder)
		if err != nil {
			return err
		}
		functions = append(functions, found...)
	}
	if len(functions) == 0 {
		return fmt.Errorf("no function in %s has //go:wasmexport and //wsb:json, //wsb:msgpack or //wsb:bytes",
			strings.Join(folders, ", "))
	}
	module, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	exported, err := exportedFunctions(module)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, function := range functions {
		if !slices.Contains(exported, function.name) {
			return fmt.Errorf("%s: %s is not among the functions that %s exports", function.position,
				function.name, path)
		}
	}
	if module, err = withSection(module, records(functions)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return replace(path, module)
}

func records(functions []function) []byte {
	var out []byte
	for _, function := range functions {
		out = fmt.Appendf(out, "1:%s:buffer:%s\x00", function.name, function.encoding)
	}
	return out
}

// replace writes a file anew, complete or not at all.
func replace(path string, content []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	if _, err = part.Write(content); err == nil {
		err = part.Chmod(info.Mode().Perm())
	}
	if closed := part.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}
