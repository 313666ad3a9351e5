// The compliance suites, export `peal/compliance`: one per kind of plugin. Each takes a test runner's describe, test and
// expect and a setup, so that plugins outside this package prove the same as those inside (docs/write-a-link.md).
export { seeded, type Matchers, type TestApi } from './api.js';
export { type ComplianceBench } from './bench.js';
export { bind, buildPlugin, type Binding, type BuildRequest, type Built } from './build.js';
export { clientCompliance, type ClientSetup, type TestClient } from './client.js';
export { exportCompliance, type ExportSetup } from './export.js';
export { PlayedSessions, serviceCompliance, type ServiceSetup } from './service.js';
export { storageCompliance, type StorageSetup } from './storage.js';
export { linkCompliance, type LinkSetup } from './link.js';
export { mediumCompliance, type MediumSetup } from './medium.js';
export { pluginCompliance, type ComplianceParts, type ComplianceRequest, type SetupOf } from './plugin.js';
