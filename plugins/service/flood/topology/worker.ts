// The generator built in, in a thread of its own: one input comes as the data of the worker, one answer goes back. Apart
// from the main thread, since a large group takes seconds.
import { parentPort, workerData } from 'node:worker_threads';
import { generate, type GeneratorInput } from './generator.js';

parentPort?.postMessage(generate(workerData as GeneratorInput));
