// Functions that a host calls in AssemblyScript (asc --exportRuntime, without its WASI shim).
export function add(a: i32, b: i32): i32 {
  return a + b;
}

export function mean(a: f64, b: f64): f64 {
  return (a + b) / 2;
}

export function fill(count: i32): i32 {
  const values = new Array<i32>();
  for (let i = 0; i < count; i++) values.push(i);
  return values.length;
}

export function spin(): void {
  while (true) {}
}
