/** What the demo tells: numbered steps, what was seen, and whether each claim is true. */
export class Story {
  readonly #start = Date.now();
  readonly #untrue: string[] = [];
  #steps = 0;
  #claims = 0;

  step(title: string): void {
    this.#steps += 1;
    console.log(`\n${this.#steps}. ${title}`);
  }

  say(text: string): void {
    console.log(text.trimEnd().replace(/^/gm, '   '));
  }

  /** Something from outside, such as a command's output. */
  show(text: string): void {
    console.log(text.trimEnd().replace(/^/gm, '   | '));
  }

  claim(what: string, isTrue: boolean): void {
    this.#claims += 1;
    if (!isTrue) this.#untrue.push(what);
    console.log(`   ${isTrue ? 'ok' : 'NOT TRUE'}: ${what}`);
  }

  /** The exit code. */
  end(): number {
    const seconds = ((Date.now() - this.#start) / 1000).toFixed(0);
    const held = this.#claims - this.#untrue.length;
    console.log(`\n${held} of ${this.#claims} claims held, in ${seconds} s.`);
    for (const what of this.#untrue) console.log(`Not true: ${what}`);
    return this.#untrue.length === 0 ? 0 : 1;
  }
}
