// Counts the words of a file: streams, containers and clocks in C++. Debian's libc++ for WASI has
// neither exceptions nor file streams, so files are read through the C library.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

static std::string read_all(std::FILE *file)
{
    std::string text;
    char block[256];
    for (size_t len; (len = std::fread(block, 1, sizeof block, file)) > 0;)
        text.append(block, len);
    return text;
}

int main(int argc, char **argv)
{
    auto start = std::chrono::steady_clock::now();
    std::FILE *file = argc > 1 ? std::fopen(argv[1], "rb") : nullptr;
    if (!file) {
        std::cerr << "the file cannot be opened\n";
        return 3;
    }
    std::istringstream text(read_all(file));
    std::fclose(file);
    std::map<std::string, int> words;
    for (std::string word; text >> word;)
        words[word]++;
    std::cout << "words " << words.size() << ", the " << words["the"] << "\n";
    bool steady = std::chrono::steady_clock::now() >= start;
    bool today =
        std::chrono::system_clock::now().time_since_epoch() > std::chrono::hours(24 * 18300);
    std::cout << "steady " << steady << ", clock " << today << "\n";
    if (std::fopen("/data/new", "wb"))
        std::cout << "wrote into a read-only directory\n";
    return 0;
}
