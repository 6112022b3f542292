//go:build wasip1

package guest

//go:wasmexport wsb_alloc
func wsbAlloc(size uint32) uint32 {
	if size == 0 {
		return 0
	}
	return hold(make([]byte, size))
}

//go:wasmexport wsb_free
func wsbFree(address, _ uint32) {
	delete(held, address)
}
