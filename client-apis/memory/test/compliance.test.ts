// The memory API against the suite of its kind.
import { describe, expect, test } from '@jest/globals';
import { pluginCompliance } from 'peal/compliance';
import memory from '../index.js';
import parts from './compliance.setup.js';

pluginCompliance({ describe, test, expect }, memory, { parts });
