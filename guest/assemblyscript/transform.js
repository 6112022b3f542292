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
const USER_ENTRY = 1; // assemblyscript's SourceKind: a file that asc was told to compile
const EXPORT = 2; // of its CommonFlags

/** The decorator @exported of a declaration, if it has one. */
const markOf = (declaration) => declaration.decorators?.find((decorator) => decorator.name.text === "exported");

const isFunction = (declaration) => Boolean(declaration.signature) && !declaration.members;

function refuse(declaration, reason) {
  const { source, start } = declaration.name.range;
  const line = source.text.slice(0, start).split("\n").length;
  const error = new Error(`${source.normalizedPath}:${line}: ${declaration.name.text} ${reason}`);
  error.stack = error.message; // what asc shows
  throw error;
}

/** Methods, and what is in a namespace or exported as default, cannot be exported to a host. */
function refuseMarksInside(statement) {
  for (const inner of [...(statement.members ?? []), statement.declaration ?? []].flat()) {
    if (markOf(inner)) {
      refuse(inner, "is marked with @exported(…), which is for functions that stand by themselves");
    }
    refuseMarksInside(inner);
  }
}

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
    source.statements.forEach(refuseMarksInside);
    return source.statements.filter(markOf).map((declaration) => {
      if (!isFunction(declaration) || declaration.flags & EXPORT) {
        refuse(declaration, "is marked with @exported(…), which is for functions without `export`");
      }
      if (source.sourceKind !== USER_ENTRY) {
        refuse(declaration, "is marked with @exported(…), but asc was not told to compile its file by itself");
      }
      return { declaration, encoding: markOf(declaration).args?.[0]?.value };
    });
  }

  wrap({ declaration, encoding }) {
    const name = declaration.name.text;
    if (!ENCODINGS.includes(encoding)) {
      refuse(declaration, `is marked with @exported(…) without one of ${ENCODINGS.join(", ")}`);
    }
    const { parameters, returnType } = declaration.signature;
    const input = parameters.length === 1 && INPUTS[written(parameters[0].type)];
    const output = OUTPUTS[written(returnType)];
    if (!input || !output) {
      refuse(
        declaration,
        `must take one ${Object.keys(INPUTS).join(" or ")} and return one of ${Object.keys(OUTPUTS).join(", ")}`,
      );
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
