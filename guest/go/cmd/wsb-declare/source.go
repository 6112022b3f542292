package main

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// function is one that is called with data.
type function struct {
	name     string
	encoding string
	position token.Position
}

// readFolder reads the files that are built for guests.
func readFolder(folder string) ([]function, error) {
	context := build.Default
	context.GOOS, context.GOARCH, context.CgoEnabled = "wasip1", "wasm", false
	found, err := context.ImportDir(folder, 0)
	if err != nil {
		return nil, err
	}
	var functions []function
	for _, name := range found.GoFiles {
		more, err := readFile(filepath.Join(folder, name), nil)
		if err != nil {
			return nil, err
		}
		functions = append(functions, more...)
	}
	return functions, nil
}

// readFile reads a file, or the source given for it.
func readFile(path string, source any) ([]function, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var functions []function
	for _, declaration := range file.Decls {
		written, isFunction := declaration.(*ast.FuncDecl)
		if !isFunction || written.Doc == nil {
			continue
		}
		found, err := readFunction(written, files.Position(written.Pos()))
		if err != nil {
			return nil, err
		}
		if found != nil {
			functions = append(functions, *found)
			written.Doc.List = nil // Its comments are read.
		}
	}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, "//wsb:") {
				return nil, fmt.Errorf("%s: %s is not in the comment of a function", files.Position(comment.Pos()),
					comment.Text)
			}
		}
	}
	return functions, nil
}

// readFunction gives nil for a function that is not declared.
func readFunction(written *ast.FuncDecl, position token.Position) (*function, error) {
	found := function{position: position}
	for _, comment := range written.Doc.List {
		if name, is := strings.CutPrefix(comment.Text, "//go:wasmexport "); is {
			found.name = strings.TrimSpace(name)
		}
		if encoding, is := strings.CutPrefix(comment.Text, "//wsb:"); is {
			if found.encoding != "" {
				return nil, fmt.Errorf("%s: two encodings for %s", position, written.Name.Name)
			}
			found.encoding = strings.TrimSpace(encoding)
		}
	}
	switch found.encoding {
	case "":
		return nil, nil
	case "json", "msgpack", "bytes":
	default:
		return nil, fmt.Errorf("%s: the encoding is json, msgpack or bytes, not %q", position, found.encoding)
	}
	if found.name == "" {
		return nil, fmt.Errorf("%s: %s has //wsb:%s but no //go:wasmexport", position, written.Name.Name,
			found.encoding)
	}
	if strings.ContainsFunc(found.name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, fmt.Errorf("%s: the name %q cannot be declared: it is not plain ASCII", position, found.name)
	}
	if !isBufferFunction(written.Type) {
		return nil, fmt.Errorf("%s: %s must be func(data, size uint32) uint64", position, written.Name.Name)
	}
	return &found, nil
}

func isBufferFunction(signature *ast.FuncType) bool {
	params, results := fieldTypes(signature.Params), fieldTypes(signature.Results)
	is32 := func(name string) bool { return name == "uint32" || name == "int32" }
	is64 := func(name string) bool { return name == "uint64" || name == "int64" }
	return len(params) == 2 && is32(params[0]) && is32(params[1]) && len(results) == 1 && is64(results[0])
}

func fieldTypes(fields *ast.FieldList) []string {
	var types []string
	if fields == nil {
		return nil
	}
	for _, field := range fields.List {
		name := ""
		if identifier, is := field.Type.(*ast.Ident); is {
			name = identifier.Name
		}
		for range max(len(field.Names), 1) {
			types = append(types, name)
		}
	}
	return types
}
