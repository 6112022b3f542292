package main

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// The section that the host reads.
const sectionName = "wasm_sandbox"

const (
	customSection = 0
	exportSection = 7
)

var errNotModule = errors.New("not a WebAssembly module")

// section is one of a module, with its bytes as they are in the file and what is in it.
type section struct {
	id           byte
	raw, content []byte
}

// number reads a number in LEB128 off the front.
func number(data []byte) (uint64, []byte, error) {
	value, length := binary.Uvarint(data)
	if length <= 0 || value > 1<<32-1 {
		return 0, nil, errNotModule
	}
	return value, data[length:], nil
}

// sized reads as many bytes as a number before them says.
func sized(data []byte) (content, rest []byte, err error) {
	length, rest, err := number(data)
	if err != nil || length > uint64(len(rest)) {
		return nil, nil, errNotModule
	}
	return rest[:length], rest[length:], nil
}

var magic = []byte("\x00asm\x01\x00\x00\x00")

func sections(module []byte) ([]section, error) {
	rest, isModule := bytes.CutPrefix(module, magic)
	if !isModule {
		return nil, errNotModule
	}
	var found []section
	for len(rest) > 0 {
		content, after, err := sized(rest[1:])
		if err != nil {
			return nil, err
		}
		found = append(found, section{rest[0], rest[:len(rest)-len(after)], content})
		rest = after
	}
	return found, nil
}

func exportedFunctions(module []byte) ([]string, error) {
	found, err := sections(module)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, section := range found {
		if section.id != exportSection {
			continue
		}
		count, rest, err := number(section.content)
		for ; err == nil && count > 0; count-- {
			var name []byte
			if name, rest, err = sized(rest); err != nil || len(rest) == 0 {
				return nil, errNotModule
			}
			if rest[0] == 0 {
				names = append(names, string(name))
			}
			_, rest, err = number(rest[1:])
		}
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}

// withSection puts the section at the end, and leaves one out that was there.
func withSection(module, records []byte) ([]byte, error) {
	found, err := sections(module)
	if err != nil {
		return nil, err
	}
	out := bytes.Clone(magic)
	for _, section := range found {
		if section.id == customSection {
			name, _, err := sized(section.content)
			if err != nil {
				return nil, err
			}
			if string(name) == sectionName {
				continue
			}
		}
		out = append(out, section.raw...)
	}
	content := append(binary.AppendUvarint(nil, uint64(len(sectionName))), sectionName...)
	content = append(content, records...)
	out = append(out, customSection)
	out = binary.AppendUvarint(out, uint64(len(content)))
	return append(out, content...), nil
}
