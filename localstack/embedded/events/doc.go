// Package events is the stand-in's EventBridge: event buses, and rules that pass events on to functions, queues and topics, for
// SDK clients and the AWS CLI over the AWS JSON protocol.
//
// PutEvents takes ten entries and 1 MiB in all, as AWS does since 2026. An event that a rule's pattern matches is delivered to
// the rule's targets before PutEvents returns: as it is, as the part of it that InputPath selects, or as the constant Input. If
// a function's event cannot be stored, that entry fails with InternalFailure and its client should send it again. A target
// that does not exist or refuses an event loses it, or gets it into the queue of the target's DeadLetterConfig. There are no
// retries, so RetryPolicy is stored and shown and has no effect.
//
// Patterns are compiled by [Server.Pattern]. Without it, rules with patterns are refused.
//
// ScheduleExpression is checked (by [Server.Schedule]), stored and shown, and has no effect: this server runs nothing by
// itself. Schedules of a mappings file are carried out by the engine.
//
// InputTransformer, other kinds of targets (buses too), partner event sources, archives, replays, connections, API
// destinations, endpoints and permissions are refused by name. Sources beginning with aws. are allowed, so that events of
// services can be tried. An entry for a bus that does not exist is dropped, as on AWS. Roles are stored and shown, and not
// used.
//
// In an InputPath, $, members (.name and ['name']) and indexes ([0]) are supported. A path that leads nowhere selects null.
package events
