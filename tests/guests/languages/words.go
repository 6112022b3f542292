// Counts the words of a file: files, maps, goroutines, clocks and sleeping in Go.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"time"
)

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(3)
}

func count(path string, done chan<- map[string]int) {
	file, err := os.Open(path)
	if err != nil {
		fail(err)
	}
	defer file.Close()
	words := map[string]int{}
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		for _, word := range strings.Fields(scanner.Text()) {
			words[word]++
		}
	}
	done <- words
}

func main() {
	start := time.Now()
	done := make(chan map[string]int)
	go count(os.Args[1], done)
	words := <-done
	time.Sleep(2 * time.Millisecond)
	entries, err := os.ReadDir("/data")
	if err != nil {
		fail(err)
	}
	fmt.Printf("words %d, the %d\n", len(words), words["the"])
	fmt.Printf("files %d, first %s\n", len(entries), entries[0].Name())
	fmt.Printf("slept %v, clock %v\n", time.Since(start) >= 2*time.Millisecond, start.Year() > 2020)
	if err := os.WriteFile("/data/new", []byte("x"), 0o600); err == nil {
		fmt.Println("wrote into a read-only directory")
	}
	if _, err := os.Stat("/data/../../etc/passwd"); err == nil {
		fmt.Println("saw a file outside")
	}
}
