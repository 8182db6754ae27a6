// Names the alerts that Muster fires itself, and the labels by which rules and dashboards of the replaced service know them.

export type OwnAlertName = "LinkFailed" | "SiteUnreachable";

export const ownLabels = (alertname: OwnAlertName) => ({ alertname, severity: "critical", managed_by: "my-collect" });
