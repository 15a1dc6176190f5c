// The API's objects by their short names. The long ones are generated: see schema.d.ts.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Alert = Schemas["Alert"];
export type AlertKind = Schemas["AlertKind"];
export type AlertSeverity = Schemas["AlertSeverity"];
export type ApiKey = Schemas["ApiKey"];
export type AuditEntry = Schemas["AuditEntry"];
export type Bill = Schemas["Bill"];
export type Command = Schemas["Command"];
export type Connector = Schemas["Connector"];
export type ConnectorStatus = Schemas["ConnectorStatus"];
export type Evse = Schemas["Evse"];
export type EvseStatus = Schemas["EvseStatus"];
export type HourStats = Schemas["HourStats"];
export type Import = Schemas["Import"];
export type Login = Schemas["Login"];
export type Me = Schemas["Me"];
export type Money = Schemas["Money"];
export type NowStats = Schemas["NowStats"];
export type OnlineHistory = Schemas["OnlineHistory"];
export type PeriodStats = Schemas["PeriodStats"];
export type Reading = Schemas["Reading"];
export type RejectedMessage = Schemas["RejectedMessage"];
export type Role = Schemas["Role"];
export type Session = Schemas["Session"];
export type Site = Schemas["Site"];
export type StationEvent = Schemas["StationEvent"];
export type Tariff = Schemas["Tariff"];
export type TelemetryBucket = Schemas["TelemetryBucket"];
export type TelemetryReading = Schemas["TelemetryReading"];
export type User = Schemas["User"];
