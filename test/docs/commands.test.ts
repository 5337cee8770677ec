import { expect } from 'chai';
import { parse } from 'yaml';

import { parseArguments } from '../../src/cli/options.js';
import { configSchema } from '../../src/config/schema.js';
import { loadSettings } from '../../src/config/settings.js';
import { parseTags } from '../../src/desired/tags.js';
import { checks } from '../../src/doctor/checks/index.js';
import { blocks, nameOf, pages } from './pages.js';

const program = /(?:^|[\s;])(?:haproxy-nomad-connector|node dist\/main\.js)(?=\s|$)(.*)$/;

/** Arguments of the connector in a line of a shell; undefined where it isn't run. */
function argumentsIn(line: string): readonly string[] | undefined {
  const command = line
    .replace(/^(?:\$|- run:|#) /, '')
    .replace(/\s+#.*$/, '')
    .replace(/\s(?:&&|\d?>|[|;]).*$/, '');
  const [, rest] = program.exec(command) ?? [];
  // `apt install ./haproxy-nomad-connector...`, `systemctl enable haproxy-nomad-connector`
  if (rest === undefined || !/^(?:[A-Z_]+=\S+ |sudo )*(?:haproxy-|node )/.test(command)) {
    return undefined;
  }
  return (rest.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) =>
    word.replace(/^(['"])(.*)\1$/, '$2'),
  );
}

describe('commands in the documentation', () => {
  const shell = ['', 'sh', 'yaml'];
  const lines = blocks
    .filter(({ language }) => shell.includes(language))
    .flatMap((block) => block.text.split('\n').map((line) => ({ where: nameOf(block), line })));
  const found = lines.flatMap(({ where, line }) => {
    const argv = argumentsIn(line);
    return argv === undefined ? [] : [{ where, argv }];
  });
  const spans = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/`haproxy-nomad-connector( [^`|[]*)?`/g)].map(({ 1: rest = '' }) => ({
      where: path,
      argv: rest.trim().split(/\s+/).filter(Boolean),
    })),
  );

  it('are found', () => expect(found.length).to.be.above(25));

  for (const { where, argv } of [...found, ...spans]) {
    it(`${where}: haproxy-nomad-connector ${argv.join(' ')}`, () => {
      expect(() => parseArguments(argv)).not.to.throw();
    });
  }
});

describe('settings in the documentation', () => {
  const keys = Object.keys(configSchema.properties);
  const files = blocks.filter(({ language, text }) => {
    const top: unknown = language === 'yaml' ? parse(text) : undefined;
    if (typeof top !== 'object' || top === null || Array.isArray(top)) return false;
    return Object.keys(top).every((key) => keys.includes(key));
  });

  it('are found', () => expect(files.length).to.be.above(4));

  for (const file of files) {
    it(`${nameOf(file)} loads`, () => {
      const readFile = (path: string): string => (path === 'connector.yaml' ? file.text : 'secret');
      expect(() =>
        loadSettings({ flags: { configFile: 'connector.yaml' }, env: {}, readFile }),
      ).not.to.throw();
    });
  }
});

describe('tags in the documentation', () => {
  const guides = pages.filter(({ path }) => /README|quick-start|recipes|from-/.test(path));
  const tags = guides.flatMap(({ path, text }) =>
    [...text.matchAll(/[`"](haproxy\.[a-z.-]+=[^`"$]+)[`"]/g)].map(([, tag = '']) => ({
      path,
      tag,
    })),
  );

  it('are found', () => expect(tags.length).to.be.above(40));

  for (const { path, tag } of tags) {
    it(`${path}: ${tag}`, () => {
      const { invalid, unknown } = parseTags('haproxy', [tag]);
      expect([...invalid, ...unknown]).to.be.empty;
    });
  }
});

describe('links in the documentation', () => {
  for (const { path, text } of pages) {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)];
    it(`${path} leads to headings that there are`, () => {
      for (const [link, file = '', anchor] of links) {
        if (anchor === undefined) continue;
        const target = new URL(file === '' ? path : file, `file:///${path}`).pathname.slice(1);
        const page = pages.find((one) => one.path === (file === '' ? path : target));
        if (page === undefined) continue;
        expect(anchorsOf(page.text), link).to.include(anchor);
      }
    });
  }
});

describe('docs/troubleshooting.md', () => {
  it('names checks of doctor that there are', () => {
    const { text = '' } = pages.find(({ path }) => path === 'docs/troubleshooting.md') ?? {};
    const named = [...text.matchAll(/doctor: `([a-z-]+)`/g)].map(([, id = '']) => id);
    expect(named).not.to.be.empty;
    expect(checks.map(({ id }) => id)).to.include.members(named);
  });
});

/** As GitHub makes them. */
function anchorsOf(text: string): readonly string[] {
  const outside = text.replaceAll(/^ *```[^]*?^ *```$/gm, '');
  return [...outside.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
