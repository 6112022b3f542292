// Counts the words of a file: streams, containers and clocks in C++ (without exceptions).
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <string>

int main(int argc, char **argv)
{
    auto start = std::chrono::steady_clock::now();
    std::ifstream file(argc > 1 ? argv[1] : "");
    if (!file) {
        std::cerr << "the file cannot be opened\n";
        return 3;
    }
    std::map<std::string, int> words;
    for (std::string word; file >> word;)
        words[word]++;
    std::cout << "words " << words.size() << ", the " << words["the"] << "\n";
    bool steady = std::chrono::steady_clock::now() >= start;
    bool today = std::chrono::system_clock::now().time_since_epoch() > std::chrono::hours(24 * 18300);
    std::cout << "steady " << steady << ", clock " << today << "\n";
    if (std::ofstream("/data/new"))
        std::cout << "wrote into a read-only directory\n";
    return 0;
}
