// The one door to tsyringe. reflect-metadata comes first, because tsyringe refuses to load without it; whoever needs the
// library takes it from here, since loaders may evaluate two imports of one file in either order.
import 'reflect-metadata';

export { container, inject, injectable } from 'tsyringe';
export type { DependencyContainer, InjectionToken } from 'tsyringe';
