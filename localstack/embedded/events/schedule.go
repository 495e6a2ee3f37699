package events

import "regexp"

// scheduleForm is what every ScheduleExpression has in common.
var scheduleForm = regexp.MustCompile(`^(rate|cron)\([^()]+\)$`)

// checkSchedule refuses what is no schedule.
func (s *Server) checkSchedule(expression string) error {
	if len(expression) > 256 || !scheduleForm.MatchString(expression) {
		return invalid("Parameter ScheduleExpression is not valid.")
	}
	if s.Schedule == nil {
		return nil
	}
	if err := s.Schedule(expression); err != nil {
		return invalid("Parameter ScheduleExpression is not valid. Reason: %v", err)
	}
	return nil
}
