package containers_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/esm-run/esm/e2e/rig"
)

// What a container prints just before its answer is in the log of that request, between its first line and its report, and
// the report has a peak of memory.
func TestLog(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	engine := e.Run(&rig.Function{Name: "f", Description: fmt.Sprintf("{ImageUri: %q, Timeout: 60}", handler(t))})
	for call := range 5 {
		line := fmt.Sprint("line ", call)
		got, err := engine.Lambda().Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String("f"), Payload: fmt.Appendf(nil, `{"Print":%q}`, line), LogType: types.LogTypeTail,
		})
		if err != nil {
			t.Fatal(err)
		}
		log, err := base64.StdEncoding.DecodeString(aws.ToString(got.LogResult))
		if err != nil {
			t.Fatal(err)
		}
		id, _ := awsmiddleware.GetRequestIDMetadata(got.ResultMetadata)
		form := `^START RequestId: ` + id + ` Version: \$LATEST\n` + line + `\nEND RequestId: ` + id + `\n` +
			`REPORT RequestId: ` + id + `\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: [1-9]\d* MB\t(Init Duration: \d+\.\d\d ms\t)?\n$`
		if !regexp.MustCompile(form).Match(log) {
			t.Errorf("call %d: got log\n%s\nwant\n%s", call, log, form)
		}
	}
	engine.Stop()
	noLeftovers(t, e)
}
