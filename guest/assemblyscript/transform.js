/**
 * For asc --transform: exports the functions that are marked with @exported("json"), "msgpack" or
 * "bytes" by the buffer convention, and declares them in the custom section that the host reads.
 *
 * A marked function takes one string or Uint8Array and returns a string, a Uint8Array, or a Result
 * of either. It is exported under its own name, without `export` before it.
 */
const SECTION = "wasm_sandbox";
const PACKAGE = "wasm-sandbox-guest";
const ENCODINGS = ["json", "msgpack", "bytes"];
const INPUTS = { string: "__wsb_text", Uint8Array: "__wsb_bytes" };
const OUTPUTS = {
  string: "__wsb_done_text",
  Uint8Array: "__wsb_done_bytes",
  "Result<string>": "__wsb_result_text",
  "Result<Uint8Array>": "__wsb_result_bytes",
};
// assemblyscript's NodeKind.FunctionDeclaration has no name at run time: what only it has is.
const isFunction = (statement) => Boolean(statement.signature && statement.name && statement.decorators);

/** A type as it is written, without blanks. */
const written = (type) => type.range.toString().replace(/\s+/g, "");

// asc gives it `program` itself; without a base class it loads wherever the package lies.
export default class WasmSandboxTransform {
  afterParse(parser) {
    this.records = [];
    const marked = [...parser.sources].map((source) => [source, this.functionsOf(source)]);
    for (const [source, functions] of marked.filter(([, functions]) => functions.length > 0)) {
      this.append(parser, source, functions.map((found) => this.wrap(found)).join("\n"));
    }
    // The memory functions are exported once, by the first file that has something to export.
    const first = marked.find(([, functions]) => functions.length > 0);
    if (first) {
      this.append(parser, first[0], `export { wsb_alloc, wsb_free } from "${PACKAGE}";`);
    }
    this.abortWithoutImport();
  }

  afterCompile(module) {
    if (this.records.length > 0) {
      module.addCustomSection(SECTION, new TextEncoder().encode(this.records.join("")));
    }
  }

  functionsOf(source) {
    return source.statements.filter(isFunction).flatMap((declaration) => {
      const mark = declaration.decorators.find((decorator) => decorator.name.text === "exported");
      return mark ? [{ declaration, encoding: mark.args?.[0]?.value }] : [];
    });
  }

  wrap({ declaration, encoding }) {
    const name = declaration.name.text;
    const fail = (reason) => {
      const range = declaration.name.range;
      const line = range.source.text.slice(0, range.start).split("\n").length;
      throw new Error(`${range.source.normalizedPath}:${line}: ${name} ${reason}`);
    };
    if (!ENCODINGS.includes(encoding)) {
      fail(`is marked with @exported(…) without one of ${ENCODINGS.join(", ")}`);
    }
    const { parameters, returnType } = declaration.signature;
    const input = parameters.length === 1 && INPUTS[written(parameters[0].type)];
    const output = OUTPUTS[written(returnType)];
    if (!input || !output) {
      fail(`must take one ${Object.keys(INPUTS).join(" or ")} and return one of ${Object.keys(OUTPUTS).join(", ")}`);
    }
    this.records.push(`1:${name}:buffer:${encoding}\0`);
    return `import { ${input} as __wsb_input_${name}, ${output} as __wsb_output_${name} } from "${PACKAGE}";
function __wsb_export_${name}(data: usize, size: usize): u64 {
  return __wsb_output_${name}(${name}(__wsb_input_${name}(data, size)));
}
export { __wsb_export_${name} as ${name} };`;
  }

  /** Parses text as if it stood at the end of the source. */
  append(parser, source, text) {
    this.parts = (this.parts ?? 0) + 1;
    parser.parseFile(text, `${source.normalizedPath.replace(/\.ts$/, "")}~wsb${this.parts}.ts`, true);
    const part = parser.sources.pop();
    // The compiler looks files up by this.
    part.internalPath = source.internalPath;
    source.statements.push(...part.statements);
  }

  /** Without another wish, abort() is a plain trap: the host offers no env.abort. */
  abortWithoutImport() {
    const options = this.program.options;
    options.globalAliases ??= new Map();
    if (!options.globalAliases.has("abort")) {
      options.globalAliases.set("abort", "");
    }
  }
}
