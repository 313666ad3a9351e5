// The page for browsers (docs/design/line.md, 8): HTTP/1.0, read-only, plain text in headings and blocks. Pure.
import type { PageSection } from 'peal/plugin';

const encoder = new TextEncoder();

function escapedHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** The whole answer to a GET, head and body. */
export function pageBytes(title: string, sections: readonly PageSection[]): Uint8Array {
  const parts = sections.map(
    (section) => `<h2>${escapedHtml(section.title)}</h2>\n<pre>${section.lines.map(escapedHtml).join('\n')}</pre>\n`,
  );
  const body = encoder.encode(
    `<!doctype html>\n<title>${escapedHtml(title)}</title>\n<h1>${escapedHtml(title)}</h1>\n${parts.join('')}`,
  );
  const head = [
    'HTTP/1.0 200 OK',
    'Content-Type: text/html; charset=utf-8',
    `Content-Length: ${body.length}`,
    "Content-Security-Policy: default-src 'none'",
    'Connection: close',
  ];
  const start = encoder.encode(`${head.join('\r\n')}\r\n\r\n`);
  const all = new Uint8Array(start.length + body.length);
  all.set(start);
  all.set(body, start.length);
  return all;
}
