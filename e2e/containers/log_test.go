package containers_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/esm-run/esm/e2e/rig"
)

// What a container prints is in the log of its request, between the first line and the report, and the report has a peak of
// memory. A daemon without CPU time passes on late what is printed just before the answer, so one such call suffices.
func TestLog(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	engine := e.Run(&rig.Function{Name: "f", Description: fmt.Sprintf("{ImageUri: %q, Timeout: 60}", handler(t))})
	for call := range 2 {
		if log, ok := logged(engine, fmt.Sprint("line ", call), 500); !ok {
			t.Errorf("call %d: got log\n%s", call, log)
		}
	}
	call := 0
	rig.Eventually(t, "a line just before the answer is in the log of its request", func() bool {
		call++
		_, ok := logged(engine, fmt.Sprint("just before the answer ", call), 0)
		return ok
	})
	engine.Stop()
	noLeftovers(t, e)
}

// logged makes the handler print a line so many milliseconds before its answer. It returns the request's log, and whether
// that is the line and the platform's lines.
func logged(engine *rig.Engine, line string, pause int) (string, bool) {
	engine.Helper()
	got, err := engine.Lambda().Invoke(engine.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("f"), Payload: fmt.Appendf(nil, `{"Print":%q,"Pause":%d}`, line, pause), LogType: types.LogTypeTail,
	})
	if err != nil {
		engine.Fatal(err)
	}
	log, err := base64.StdEncoding.DecodeString(aws.ToString(got.LogResult))
	if err != nil {
		engine.Fatal(err)
	}
	id, _ := awsmiddleware.GetRequestIDMetadata(got.ResultMetadata)
	form := `^START RequestId: <id> Version: \$LATEST\n` + line + `\nEND RequestId: <id>\n` +
		`REPORT RequestId: <id>\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: [1-9]\d* MB\t(Init Duration: \d+\.\d\d ms\t)?\n$`
	return string(log), regexp.MustCompile(strings.ReplaceAll(form, "<id>", id)).Match(log)
}
