//! How all targets are, for programs: one line of JSON, in which each group is what `describe-target-health` answers.

use serde_json::{Map, Value, json};

use crate::config::{Config, TargetGroup, TargetHealthDescription};
use crate::rules::GroupId;
use crate::time::Mono;

/// The line, without its end. What an answer of the API would not have is left out. Groups that are gone come last, for as long
/// as their targets drain.
pub fn describe(config: &Config, now: Mono) -> String {
    let numbered = (0..).map(GroupId).zip(&config.groups);
    let present = numbered.map(|(id, group)| (group, config.target_health(id, now)));
    let all = present.chain(config.departed_target_health(now));
    let groups: Vec<Value> = all.map(|(group, targets)| group_json(group, &targets)).collect();
    json!({ "TargetGroups": groups }).to_string()
}

fn group_json(group: &TargetGroup, targets: &[TargetHealthDescription]) -> Value {
    let targets: Vec<Value> = targets.iter().map(target_json).collect();
    json!({
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "TargetHealthDescriptions": targets,
    })
}

fn target_json(described: &TargetHealthDescription) -> Value {
    let TargetHealthDescription { id, port, zone, health_check_port, health, anomaly } = described;
    let anomaly = anomaly.map(|anomaly| {
        json!({
            "Result": if anomaly.is_anomalous { "anomalous" } else { "normal" },
            "MitigationInEffect": if anomaly.mitigation_in_effect { "yes" } else { "no" },
        })
    });
    object([
        (
            "Target",
            Some(object([
                ("Id", Some(json!(id))),
                ("Port", Some(json!(port))),
                ("AvailabilityZone", zone.as_ref().map(|zone| json!(zone))),
            ])),
        ),
        ("HealthCheckPort", health_check_port.map(|port| json!(port.to_string()))),
        (
            "TargetHealth",
            Some(object([
                ("State", Some(json!(health.state))),
                ("Reason", health.reason.map(|reason| json!(reason))),
                ("Description", health.description.as_ref().map(|text| json!(text))),
            ])),
        ),
        ("AnomalyDetection", anomaly),
    ])
}

/// What is absent is left out.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let present = members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(present.collect::<Map<String, Value>>())
}

#[cfg(test)]
mod tests {
    use core::net::SocketAddr;
    use core::time::Duration;

    use super::*;
    use crate::config::HealthCheck;
    use crate::target::Health;

    #[test]
    fn every_group_is_what_the_api_answers_on_one_line() {
        let targets = [SocketAddr::from(([10, 0, 0, 7], 80)), SocketAddr::from(([10, 0, 0, 8], 8080))];
        let mut config = Config::forwarding(80, &targets);
        let group = &mut config.groups[0];
        group.health_check = HealthCheck::default();
        group.targets[0].zone = Some("eu-central-1a".to_owned());
        group.targets[0].state.set_health(Health::HEALTHY);
        let arn = group.arn.clone();
        let expected = format!(
            "{{\"TargetGroups\":[{{\"TargetGroupArn\":\"{arn}\",\"TargetGroupName\":\"targets\",\
             \"TargetHealthDescriptions\":[\
             {{\"Target\":{{\"Id\":\"10.0.0.7\",\"Port\":80,\"AvailabilityZone\":\"eu-central-1a\"}},\
             \"HealthCheckPort\":\"80\",\"TargetHealth\":{{\"State\":\"healthy\"}},\
             \"AnomalyDetection\":{{\"Result\":\"normal\",\"MitigationInEffect\":\"no\"}}}},\
             {{\"Target\":{{\"Id\":\"10.0.0.8\",\"Port\":8080}},\"HealthCheckPort\":\"8080\",\
             \"TargetHealth\":{{\"State\":\"initial\",\"Reason\":\"Elb.RegistrationInProgress\",\
             \"Description\":\"Target registration is in progress\"}},\
             \"AnomalyDetection\":{{\"Result\":\"normal\",\"MitigationInEffect\":\"no\"}}}}]}}]}}"
        );
        assert_eq!(describe(&config, Mono::default()), expected);
    }

    #[test]
    fn a_group_that_is_gone_is_told_after_the_others_while_its_targets_drain() {
        let old = Config::forwarding(80, &[SocketAddr::from(([10, 0, 0, 7], 80))]);
        let mut other = Config::forwarding(80, &[]);
        other.groups[0].arn.push('x');
        let config = other.next(&old, Mono::default());
        let told = |seconds| {
            let now = Mono::default().after(Duration::from_secs(seconds));
            serde_json::from_str::<Value>(&describe(&config, now)).expect("it is JSON")
        };
        let groups = &told(299)["TargetGroups"];
        assert_eq!(groups[0]["TargetGroupArn"], config.groups[0].arn);
        assert_eq!(groups[1]["TargetGroupArn"], old.groups[0].arn);
        assert_eq!(groups[1]["TargetHealthDescriptions"][0]["TargetHealth"]["State"], "draining");
        assert_eq!(told(300)["TargetGroups"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        let config = Config::forwarding(80, &[]);
        let told = target_json(&config.target_health_of(GroupId(0), "10.0.0.9", 80, Mono::default()));
        let expected = json!({
            "Target": { "Id": "10.0.0.9", "Port": 80 },
            "TargetHealth": {
                "State": "unused",
                "Reason": "Target.NotRegistered",
                "Description": "Target is not registered to the target group",
            },
        });
        assert_eq!(told, expected);
    }
}
