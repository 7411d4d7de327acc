// A compiler that has checked a small program against all of its libraries, and keeps trees, symbols and types.
'use strict';
const ts = require('typescript');

const SOURCE = `
interface Point { readonly x: number; readonly y: number }
type Keys<T> = { [K in keyof T]: T[K] extends Function ? never : K }[keyof T];
class Shape<T extends Point> { constructor(private readonly points: T[]) {}
  map<U extends Point>(f: (point: T) => U): Shape<U> { return new Shape(this.points.map(f)); } }
const element = document.createElement('canvas').getContext('webgl2')!;
export const keys: Keys<WebGL2RenderingContext>[] = ['canvas'];
export const all = Promise.all([fetch('/a'), new Shape([{x: 1, y: 2}]).map(p => ({...p, z: 3})), element.getError()]);
`;

module.exports = async function(times) {
  const kept = [];
  for (let n = 0; n < times; ++n) {
    const options = {target: ts.ScriptTarget.ESNext, lib: ['lib.esnext.full.d.ts'], strict: true, types: [], noEmit: true};
    const host = ts.createCompilerHost(options, true);
    const read = host.getSourceFile.bind(host);
    host.getSourceFile = (name, ...rest) => name === 'main.ts' ? ts.createSourceFile(name, SOURCE, ts.ScriptTarget.ESNext, true) : read(name, ...rest);
    const program = ts.createProgram(['main.ts'], options, host);
    const found = ts.getPreEmitDiagnostics(program);
    kept.push({program, checker: program.getTypeChecker(), found});
  }
  // Until a stack trace has made the table of line ends of its 9 MB script, V8 scans it for every closure whose place the
  // snapshot tells: many minutes.
  try {
    ts.createSourceFile();
  } catch (error) {
    kept.push(error.stack);
  }
  return kept;
};
