// What a process of the system holds: resident memory and open files, looked at again and again, to tell whether it grows.
import { readdirSync, readFileSync } from 'node:fs';

interface Look {
  readonly residentBytes: number;
  readonly files: number;
}

/** Medians of the first and of the last third of all looks; the first look (everything is warming up) does not count. */
export interface Growth {
  readonly looks: number;
  readonly residentFromMiB: number;
  readonly residentToMiB: number;
  readonly filesFrom: number;
  readonly filesTo: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export class Witness {
  private readonly looks: Look[] = [];

  look(pid: number): void {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    this.looks.push({ residentBytes: Number(kib) * KIB, files: readdirSync(`/proc/${pid}/fd`).length });
  }

  growth(): Growth {
    const warm = this.looks.slice(1);
    const third = Math.max(1, Math.floor(warm.length / 3));
    const [from, to] = [warm.slice(0, third), warm.slice(-third)];
    const mib = (l: Look): number => Math.round(l.residentBytes / MIB);
    return {
      looks: this.looks.length,
      residentFromMiB: median(from.map(mib)),
      residentToMiB: median(to.map(mib)),
      filesFrom: median(from.map((l) => l.files)),
      filesTo: median(to.map((l) => l.files)),
    };
  }
}

/** 0 of nothing. */
function median(all: readonly number[]): number {
  return [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
}
