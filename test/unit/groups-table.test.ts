// The byte-keyed table and the ordered member list against plain maps and sorted arrays.
import { expect, test } from '@jest/globals';
import { MemberList } from '../../core/machine/groups/members.js';
import { NameTable, nameField } from '../../core/machine/groups/names.js';
import { Chance } from './groups-model.js';

test.each([1, 64])('the table answers as a map does, through growth and deletion, from %i buckets', (buckets) => {
  const table = new NameTable<string>(buckets);
  const map = new Map<string, string>();
  const chance = new Chance(5);
  for (let i = 0; i < 20_000; i++) {
    const name = `n${chance.below(3000)}`;
    if (map.has(name)) {
      expect(table.delete(nameField(name))).toBe(true);
      expect(table.delete(nameField(name))).toBe(false);
      map.delete(name);
    } else {
      table.add(nameField(name), name);
      map.set(name, name);
    }
  }
  for (let i = 0; i < 3000; i++) expect(table.get(nameField(`n${i}`), 0)).toBe(map.get(`n${i}`));
  expect(table.size).toBe(map.size);
  expect(table.values().sort()).toEqual([...map.values()].sort());
});

test('names of one chain beyond its length are still found and deleted', () => {
  // Equal low bits of the hash for names that differ: found by trying.
  const table = new NameTable<string>();
  const all = Array.from({ length: 3000 }, (_, i) => `c${i}`);
  const sizes = new Map<number, string[]>();
  for (const name of all) {
    let h = 0x811c9dc5;
    for (const c of Buffer.from(name)) h = Math.imul(h ^ c, 0x01000193);
    const low = (h ^ (h >>> 15)) & 63;
    sizes.set(low, [...(sizes.get(low) ?? []), name]);
  }
  const chain = [...sizes.values()].find((names) => names.length >= 20)!.slice(0, 20);
  for (const name of chain) table.add(nameField(name), name);
  for (const name of chain) expect(table.get(nameField(name), 0)).toBe(name);
  expect([table.size, table.values().sort()]).toEqual([20, [...chain].sort()]);
  for (const name of chain.slice(0, 10)) table.delete(nameField(name));
  for (const [i, name] of chain.entries()) expect(table.get(nameField(name), 0)).toBe(i < 10 ? undefined : name);
});

test('the member list is what sorting gives', () => {
  const list = new MemberList();
  const truth = new Map<string, { place: number; name: string }>();
  const chance = new Chance(9);
  for (let i = 0; i < 3000; i++) {
    const place = chance.below(5);
    const name = `#${'ab'.repeat(chance.below(3))}${chance.below(9)}#d${place}`;
    const key = `${place} ${name}`;
    if (chance.oneIn(200)) {
      const gone = [...truth].filter(([, m]) => m.place === place);
      expect(list.removePlace(place)).toBe(gone.length);
      for (const [k] of gone) truth.delete(k);
    } else if (chance.oneIn(2)) {
      expect(list.insert(place, nameField(name), 0)).toBe(!truth.has(key));
      truth.set(key, { place, name });
    } else expect(list.remove(place, nameField(name), 0)).toBe(truth.delete(key));
    const sorted = [...truth.values()].sort((a, b) => a.place - b.place || (a.name < b.name ? -1 : 1));
    expect(list.names()).toEqual(sorted.map((m) => m.name));
    expect(list.places).toEqual([...new Set(sorted.map((m) => m.place))]);
  }
});
