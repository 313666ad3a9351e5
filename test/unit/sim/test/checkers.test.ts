// Every checker finds the bad trace that was made for it, and none complains about the good ones.
import { describe, expect, test } from '@jest/globals';
import { Service } from '../../../../core/wire/frame.js';
import { PEAL_OPTIONS, SPREAD_OPTIONS } from '../../../sim/checkers.js';
import { Story, pair } from '../story.js';

/** The whole of `pair` survives into 1.2 together, without anything having been lost. */
function splits(story: Story): Story {
  return story
    .transitionalOne('1.1', 'a', ['a'])
    .transition(1, '1.1.2')
    .installOne('1.2', 'a', ['a'])
    .view(1, '1.2.1', [1], { cause: 'network' })
    .transitionalOne('1.1', 'b', ['b'])
    .transition(2, '1.1.2')
    .installOne('2.2', 'b', ['b'])
    .view(2, '2.2.1', [2], { cause: 'network' });
}

describe('good traces', () => {
  test('messages, views, a split and a merge', () => {
    const s = pair().send(1, 10).deliver(10, [1, 2]).send(2, 11, ['g'], { service: Service.SAFE }).deliver(11, [2, 1]);
    splits(s).send(1, 12).deliver(12, [1]).transitional('1.2', 'a').transitional('2.2', 'b').install('1.3', 'a', 'b');
    const sets = [['#s1#a'], ['#s2#b']];
    s.view(1, '1.3.1', [1, 2], { cause: 'network', sets, own: 0 })
      .view(2, '1.3.1', [1, 2], { cause: 'network', sets, own: 1 })
      .calm()
      .send(2, 13, ['g', '#s1#a'])
      .deliver(13, [1, 2])
      .calmEnd()
      .status('a', 1)
      .status('b', 1)
      .settled(['a', 'b']);
    expect(s.told()).toEqual([]);
  });

  test('a leave, a disconnect, self-discard, a session without membership, private messages', () => {
    const s = pair().connect(3, 'b', false).join(3);
    s.view(1, '1.1.3', [1, 2, 3])
      .view(2, '1.1.3', [1, 2, 3])
      .send(3, 10, ['#s1#a'])
      .deliver(10, [1])
      .send(1, 11, ['g'], { discard: true })
      .deliver(11, [2, 3])
      .leave(2)
      .selfLeave(2)
      .view(1, '1.1.4', [1, 3], { cause: 'leave', sets: [['#s2#b']] })
      .disconnect(3)
      .view(1, '1.1.5', [1], { cause: 'disconnect', sets: [['#s3#b']] })
      .gone(3)
      .settled(['a', 'b']);
    expect(s.told()).toEqual([]);
  });

  test('behind a gap a message of somebody lost may be missing', () => {
    const s = new Story('a', 'b', 'c').install('1.1', 'a', 'b', 'c').connect(1, 'a').connect(2, 'b').connect(3, 'c');
    for (const n of [1, 2, 3]) s.join(n);
    for (const n of [1, 2, 3]) s.view(n, `1.1.3`, [1, 2, 3], { cause: 'network', sets: [['#s1#a', '#s2#b', '#s3#c']] });
    // c delivers 20, which nobody else got, then 21; a and b have 21 behind the gap.
    s.send(3, 20).send(1, 21).deliver(20, [3]).deliver(21, [3]);
    s.transitional('1.1', 'a', 'b')
      .transition(1, '1.1.3')
      .transition(2, '1.1.3')
      .deliver(21, [1, 2])
      .install('1.2', 'a', 'b');
    const views = { cause: 'network' as const, sets: [['#s1#a', '#s2#b']] };
    s.view(1, '1.2.1', [1, 2], views).view(2, '1.2.1', [1, 2], views).crash('c').settled(['a', 'b']);
    expect(s.told()).toEqual([]);
  });
});

describe('1 integrity', () => {
  test.each([
    ['never sent', () => pair().deliver(99, [1])],
    ['changed bytes', () => pair().send(1, 10).deliver(10, [1, 2], { corrupt: true })],
    ['another sender', () => pair().send(1, 10).deliver(10, [1, 2], { sender: '#s2#b' })],
    ['no member', () => pair().connect(3, 'b').send(1, 10).deliver(10, [1, 2, 3])],
    ['not yet a member', () => pair().connect(3, 'b').join(3).send(1, 10).deliver(10, [1, 2, 3])],
    ['a private message of somebody else', () => pair().send(1, 10, ['#s2#b']).deliver(10, [1])],
    ['after its end', () => pair().send(1, 10).deliver(10, [1]).disconnect(2).deliver(10, [2])],
    ['a self-discard', () => pair().send(1, 10, ['g'], { discard: true }).deliver(10, [1])],
    ['a member who never asked', () => pair().connect(3, 'b').view(1, '1.1.3', [1, 2, 3])],
    ['a self-leave not asked for', () => pair().selfLeave(1)],
  ])('%s', (_, story) => {
    expect(story().broken()).toContain('1 integrity');
  });
});

describe('2 to 5', () => {
  test('2: twice', () => {
    expect(pair().send(1, 10).deliver(10, [1, 2, 2]).broken()).toContain('2 no duplicates');
  });
  test('3: a view without the receiver', () => {
    expect(pair().view(1, '1.1.3', [2]).broken()).toContain('3 self inclusion');
  });
  test('3: a configuration without the daemon', () => {
    expect(new Story('a', 'b').installOne('1.1', 'a', ['b']).broken()).toContain('3 self inclusion');
  });
  test.each([
    ['one id, two lists', () => pair().connect(3, 'b').join(3).view(1, '1.1.3', [1, 2]).view(2, '1.1.3', [1, 2, 3])],
    ['an id again', () => pair().view(1, '1.1.2', [1, 2])],
    ['members out of order', () => pair().view(1, '1.1.3', [2, 1])],
    ['a configuration with two lists', () => pair().installOne('1.2', 'a', ['a']).installOne('1.2', 'b', ['a', 'b'])],
    ['a configuration again', () => pair().install('1.1', 'a', 'b')],
    ['a time that falls', () => pair().install('7.5', 'a', 'b').install('9.4', 'a', 'b')],
  ])('4: %s', (_, story) => {
    expect(story().broken()).toContain('4 view identity');
  });
  test('5: delivered in two configurations', () => {
    const s = pair()
      .send(1, 10)
      .deliver(10, [1])
      .transitional('1.1', 'a', 'b')
      .install('1.2', 'a', 'b')
      .deliver(10, [2]);
    expect(s.broken()).toContain('5 same configuration');
  });
});

describe('6 self delivery', () => {
  test('missing at rest', () => {
    expect(pair().send(1, 10).settled(['a', 'b']).broken()).toContain('6 self delivery');
  });
  test('a private message to oneself', () => {
    expect(pair().send(1, 10, ['#s1#a']).settled(['a', 'b']).broken()).toContain('6 self delivery');
  });
  test('after its own later leave', () => {
    expect(pair().send(1, 10).leave(1).selfLeave(1).broken()).toContain('6 self delivery');
  });
  test('a crashed sender is owed nothing', () => {
    expect(pair().send(1, 10).crash('a').broken()).not.toContain('6 self delivery');
  });
});

describe('7 same set between same views', () => {
  test('one of two misses a message', () => {
    const s = pair().connect(3, 'b').join(3).send(1, 10).deliver(10, [1]);
    s.view(1, '1.1.3', [1, 2, 3]).view(2, '1.1.3', [1, 2, 3]);
    expect(s.broken()).toContain('7 same set between same views');
  });
  test('in one set of a network view', () => {
    const s = pair().send(1, 10).deliver(10, [1]);
    for (const n of [1, 2]) s.view(n, '1.2.1', [1, 2], { cause: 'network', sets: [['#s1#a', '#s2#b']] });
    expect(s.broken()).toContain('7 same set between same views');
  });
  test('in two sets they may differ', () => {
    const s = pair().send(1, 10).deliver(10, [1]);
    const sets = [['#s1#a'], ['#s2#b']];
    s.view(1, '1.2.1', [1, 2], { cause: 'network', sets, own: 0 }).view(2, '1.2.1', [1, 2], {
      cause: 'network',
      sets,
      own: 1,
    });
    expect(s.broken()).not.toContain('7 same set between same views');
  });
});

describe('8 to 10', () => {
  test('8: out of sending order', () => {
    const s = pair().send(1, 10, ['g'], { service: Service.FIFO }).send(1, 11, ['g'], { service: Service.FIFO });
    expect(s.deliver(11, [2]).deliver(10, [2]).broken()).toContain('8 fifo');
  });
  test('9: an answer before the question, over two groups', () => {
    const s = pair().join(2, 'h').view(2, '1.1.1', [2], {}, 'h').connect(3, 'b').join(3).join(3, 'h');
    s.view(3, '1.1.3', [1, 2, 3]).view(3, '1.1.2', [2, 3], {}, 'h');
    s.send(1, 10).deliver(10, [2]).send(2, 11, ['h']).deliver(11, [3]).deliver(10, [3]);
    expect(s.broken()).toContain('9 causality');
  });
  test('9: an answer without the question, behind a gap', () => {
    const s = new Story('a', 'b', 'c').install('1.1', 'a', 'b', 'c').connect(1, 'a').connect(2, 'b').connect(3, 'c');
    for (const n of [1, 2, 3]) s.join(n);
    for (const n of [1, 2, 3]) s.view(n, '1.1.3', [1, 2, 3], { cause: 'network', sets: [['#s1#a', '#s2#b', '#s3#c']] });
    s.transitional('1.1', 'a', 'b', 'c').install('1.2', 'a', 'b', 'c').send(1, 20).deliver(20, [1, 2]).send(2, 21);
    // c has 21 behind the gap of 20; b, who had delivered 20, is no survivor with c.
    s.transitionalOne('1.2', 'c', ['c']).transition(3, '1.1.3').deliver(21, [3]);
    expect(s.broken()).toEqual(['9 causality']);
  });
  test('10: two messages in two orders', () => {
    const s = pair().send(1, 10).send(2, 11).deliver(10, [1]).deliver(11, [1]).deliver(11, [2]).deliver(10, [2]);
    expect(s.broken()).toContain('10 agreed order');
  });
  test('10: across groups, with nobody who saw both pairs', () => {
    const s = new Story('a');
    for (const n of [1, 2, 3]) s.connect(n, 'a').send(n, n, ['#s1#a', '#s2#a', '#s3#a']);
    s.deliver(1, [1]).deliver(2, [1, 2]).deliver(3, [2, 3]).deliver(1, [3]);
    expect(s.broken()).toContain('10 agreed order');
  });
  test('10: a message before a join here, after it there', () => {
    const s = pair().connect(3, 'a').join(3).send(1, 10);
    s.deliver(10, [1]).view(1, '1.1.3', [1, 2, 3]).view(2, '1.1.3', [1, 2, 3]).deliver(10, [2]);
    expect(s.broken()).toContain('10 agreed order');
  });
  test('10: Spread may let RELIABLE overtake, peal does not', () => {
    const s = pair();
    for (const id of [10, 11]) s.send(1, id, ['g'], { service: Service.RELIABLE });
    s.deliver(10, [1]).deliver(11, [1]).deliver(11, [2]).deliver(10, [2]);
    expect(s.broken()).toEqual(['10 agreed order', '11 no gaps']);
    expect(s.broken(SPREAD_OPTIONS)).toEqual([]);
  });
  test('10: after everything had come to rest', () => {
    const s = pair().send(1, 10, ['g'], { service: Service.UNRELIABLE }).deliver(10, [1]).settled(['a', 'b']);
    expect(s.deliver(10, [2]).broken()).toContain('10 agreed order');
  });
});

describe('11 to 13', () => {
  test('11: a hole inside a regular configuration', () => {
    const s = pair().send(1, 10).send(1, 11).deliver(10, [1]).deliver(11, [1, 2]);
    expect(s.broken()).toContain('11 no gaps');
  });
  test('11: survivors leave a configuration at different places', () => {
    const s = pair().send(1, 10).deliver(10, [1]).transitional('1.1', 'a', 'b').deliver(10, [2]);
    expect(s.broken()).toContain('11 no gaps');
  });
  test('11: a message of a survivor is lost in the transitional configuration', () => {
    const s = pair().send(2, 10).deliver(10, [1]);
    s.transitionalOne('1.1', 'b', ['b'])
      .installOne('2.2', 'b', ['b'])
      .transitionalOne('1.1', 'a', ['a'])
      .installOne('1.2', 'a', ['a']);
    expect(s.broken()).toContain('11 no gaps');
  });
  test('12: safe here, unknown there', () => {
    const s = pair().send(1, 10, ['g'], { service: Service.SAFE }).deliver(10, [1]);
    expect(splits(s).broken()).toContain('12 safe, regular configuration');
  });
  test('12: only in the transitional configuration it may be unknown elsewhere', () => {
    const s = pair()
      .send(1, 10, ['g'], { service: Service.SAFE })
      .transitionalOne('1.1', 'a', ['a'])
      .transition(1, '1.1.2');
    s.deliver(10, [1]).installOne('1.2', 'a', ['a']).transitionalOne('1.1', 'b', ['b']).installOne('2.2', 'b', ['b']);
    expect(s.broken()).toEqual([]);
  });
  test('12: who crashes need not have it', () => {
    const s = pair().send(1, 10, ['g'], { service: Service.SAFE }).deliver(10, [1]).crash('b');
    s.transitionalOne('1.1', 'a', ['a']).installOne('1.2', 'a', ['a']).settled(['a']);
    expect(s.broken()).not.toContain('12 safe, regular configuration');
  });
  test('13: one of two survivors misses what the other got in the transitional configuration', () => {
    const s = pair().send(1, 10, ['g'], { service: Service.SAFE }).transitional('1.1', 'a', 'b').deliver(10, [1]);
    expect(s.install('1.2', 'a', 'b').broken()).toContain('13 transitional configuration');
  });
  test('13: survivors in different orders', () => {
    const s = pair().send(1, 10).send(2, 11).transitional('1.1', 'a', 'b');
    expect(s.deliver(10, [1]).deliver(11, [2]).broken()).toContain('13 transitional configuration');
  });
});

describe('14 transitional sets', () => {
  const network = (sets: readonly (readonly string[])[], own = 0) => ({ cause: 'network' as const, sets, own });
  test.each([
    ['the offset points to no set', () => pair().view(1, '1.2.1', [1, 2], network([['#s1#a', '#s2#b']], -1))],
    ['not in its own set', () => pair().view(1, '1.2.1', [1, 2], network([['#s1#a'], ['#s2#b']], 1))],
    ['sets that leave one out', () => pair().view(1, '1.2.1', [1, 2], network([['#s1#a']]))],
    [
      'two receivers see two partitions',
      () =>
        pair()
          .view(1, '1.2.1', [1, 2], network([['#s1#a', '#s2#b']]))
          .view(2, '1.2.1', [1, 2], network([['#s1#a'], ['#s2#b']], 1)),
    ],
    [
      'one set from two views',
      () => {
        const s = pair().connect(3, 'a').join(3).view(1, '1.1.3', [1, 2, 3]);
        for (const n of [1, 2]) s.view(n, '1.2.1', [1, 2], network([['#s1#a', '#s2#b']]));
        return s;
      },
    ],
    ['a join of nobody', () => pair().view(1, '1.1.3', [1, 2], { sets: [] })],
    ['a leave of somebody who stays', () => pair().view(1, '1.1.3', [1, 2], { cause: 'leave' })],
  ])('%s', (_, story) => {
    expect(story().broken()).toContain('14 transitional sets');
  });
});

describe('15, 17, 18 and queues', () => {
  const CONVERGENCE = '15/18 convergence';
  test.each([
    ['two configurations in one component', () => splits(pair()).settled(['a', 'b'])],
    ['one configuration over two components', () => pair().settled(['a'], ['b'])],
    ['a dead daemon', () => pair().crash('b').settled(['a', 'b'])],
    ['a member that was never shown', () => pair().connect(3, 'b').join(3).settled(['a', 'b'])],
    ['a member that left and is still shown', () => pair().leave(2).settled(['a', 'b'])],
    ['left in a transition', () => pair().transition(1, '1.1.2').settled(['a', 'b'])],
    ['a disconnect that never comes', () => pair().connect(3, 'b').disconnect(3).settled(['a', 'b'])],
    ['too many groups', () => pair().status('a', 2).settled(['a', 'b'])],
  ])('15/18: %s', (_, story) => {
    expect(story().broken()).toContain(CONVERGENCE);
  });
  test('17: a stranger to the group reaches only one of two members', () => {
    const s = pair().connect(3, 'b').calm().send(3, 10).deliver(10, [1]).calmEnd();
    expect(s.broken()).toContain('17 open groups');
  });
  test('17: a session without membership is missed', () => {
    const s = pair().connect(3, 'b', false).join(3).calm().send(1, 10).deliver(10, [1, 2]).calmEnd();
    expect(s.broken()).toContain('17 open groups');
  });
  test('queues: above a limit, and not empty at rest', () => {
    const options = { ...PEAL_OPTIONS, idleCounters: ['backlog bytes'], limits: { 'log packs': 5 } };
    expect(pair().status('a', 1, { 'log packs': 6 }).broken(options)).toContain('bounded queues');
    expect(pair().status('a', 1, { 'backlog bytes': 1 }).settled(['a', 'b']).broken(options)).toContain(
      'bounded queues',
    );
    expect(pair().status('a', 1, { 'log packs': 5, 'backlog bytes': 0 }).settled(['a', 'b']).broken(options)).toEqual(
      [],
    );
  });
});
