package cli

import (
	"github.com/spf13/cobra"

	desired "github.com/towpath-dev/towpath/internal/dialect/towpath"
)

func newSchema(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of towpath.yaml, for editors",
		Long: `Schema prints what may stand in a towpath.yaml as a JSON Schema (draft 2020-12).
Editors complete and check a file with it. With yaml-language-server a first line

  # yaml-language-server: $schema=towpath.schema.json

names the file that the schema was written to.`,
		Example: "  towpath schema > towpath.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.Out.Write(desired.Schema())
			return err
		},
	}
}
