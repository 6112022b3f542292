"""Random modules by `wasm-tools smith`, the same for the same seed."""
import random
import subprocess

NEVER = ["--gc-enabled", "--threads-enabled", "--custom-descriptors-enabled",
         "--compact-imports-enabled", "--custom-page-sizes-enabled", "--wide-arithmetic-enabled",
         "--shared-everything-threads-enabled", "--allow-invalid-funcs"]
OPTIONAL = ["--simd-enabled", "--relaxed-simd-enabled", "--tail-call-enabled",
            "--exceptions-enabled", "--memory64-enabled", "--extended-const-enabled"]
# Which of the optional ones are on.
FEATURE_SETS = [[], ["--simd-enabled"], ["--tail-call-enabled", "--extended-const-enabled"],
                ["--exceptions-enabled", "--memory64-enabled"], OPTIONAL,
                [flag for flag in OPTIONAL if flag != "--exceptions-enabled"]]


def smith(tools, module, seed: int, flags: list):
    """Writes a module to that path. The result tells whether there is one: rarely there is none."""
    choice = random.Random(seed)
    on = FEATURE_SETS[seed % len(FEATURE_SETS)]
    command = [str(tools), "smith", "-o", str(module), "--max-memories=1",
               f"--max-instructions={choice.choice((50, 200, 1000))}"]
    command += [f"{flag}=false" for flag in NEVER]
    command += [f"{flag}={'true' if flag in on else 'false'}" for flag in OPTIONAL if not any(
        given.startswith(flag) for given in flags)]
    return subprocess.run(command + flags, capture_output=True, check=False,
                          input=choice.randbytes(choice.choice((1000, 5000, 30000))))
